"""Salesforce: units are public groups, roles are permission sets, grants are permission set assignments."""
