"""HubSpot: units are teams, roles are permission sets found by name, grants are the one that a user has."""
