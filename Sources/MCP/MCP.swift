// The first file of MCP replaces this one.
