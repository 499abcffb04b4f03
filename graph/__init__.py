"""One turn of thought: the only folder that knows LangGraph."""
