"""Pages for people: buyers, sellers, operators and everybody."""
