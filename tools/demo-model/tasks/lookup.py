"""Tasks 4 and 5 in small: a question about one field of a form or note."""

from . import clinical, inspection


def make(rng, lang):
    """A random question about one field."""
    return (inspection if rng.random() < 0.3 else clinical).look_up(rng, lang)
