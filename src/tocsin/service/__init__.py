"""The service: CDS Hooks, the API, the pages and the board over one durable store."""
