"""SCIM 2.0 (RFC 7643, 7644, 9865): users, groups and what groups and words on users can say of an organization."""
