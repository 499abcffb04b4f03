"""The model: one port for chat completion, with real, scripted and falling-back adapters."""
