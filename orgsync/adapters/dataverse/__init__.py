"""Dataverse and Dynamics 365: units are owner teams, roles are security roles, grants are roles of users."""
