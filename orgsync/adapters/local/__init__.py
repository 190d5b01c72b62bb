"""The embedded CRM: a real database (SQLite by default, any SQLAlchemy URL) with a strict CRM's rules."""
