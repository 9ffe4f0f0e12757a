"""Pictures: decoded, compared, collected in sets, and shown in the report."""
