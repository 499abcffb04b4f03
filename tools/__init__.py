"""The hands: mention parsing, tickets, business tools."""
