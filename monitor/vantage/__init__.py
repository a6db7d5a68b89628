"""Recognise that this vantage cannot observe: references, their answers, and what bad outcomes mean meanwhile."""
