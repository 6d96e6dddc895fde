"""A hundred kinds of bad messages, each with the reason it must be refused for."""
