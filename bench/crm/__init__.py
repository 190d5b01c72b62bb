"""A CRM to measure with: a server that takes its time, and the adapter that speaks to it."""
