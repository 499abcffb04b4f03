"""The people: ownership, escalations, tickets, hours, audit."""
