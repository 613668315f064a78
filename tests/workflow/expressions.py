"""Expressions of GitHub Actions, `${{ … }}` (docs.github.com, "Evaluate expressions in workflows and actions")."""

import re


class Unknown(Exception):
    """Something that GitHub may know, and this does not."""


TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([A-Za-z_][\w-]*(?:\.[A-Za-z_*][\w-]*)*)|(\d+)|(&&|\|\||==|!=|[!(),]))")


def tokens(text):
    at, found = 0, []
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if not match:
            raise Unknown(f"expression {text!r} from {text[at:]!r}")
        found.append((match.lastindex, match.group(match.lastindex)))
        at = match.end()
    return found


def truthy(value):
    return value not in (None, False, 0, "")


def text_of(value):
    return "" if value is None else ("true" if value else "false") if isinstance(value, bool) else str(value)


class Expression:
    """One `${{ … }}`. `contexts` maps `inputs`, `needs`, … to what they hold; `functions` the names of functions to them."""

    def __init__(self, text, contexts, functions):
        self.left, self.contexts, self.functions = tokens(text), contexts, functions
        self.value = self.either()
        if self.left:
            raise Unknown(f"the rest of expression {text!r}: {self.left}")

    def take(self, *wanted):
        if self.left and self.left[0][0] == 4 and self.left[0][1] in wanted:
            return self.left.pop(0)[1]
        return None

    def either(self):
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value if truthy(value) else other
        return value

    def both(self):
        value = self.comparison()
        while self.take("&&"):
            other = self.comparison()
            value = other if truthy(value) else value
        return value

    def comparison(self):
        value = self.single()
        operator = self.take("==", "!=")
        if not operator:
            return value
        # GitHub compares strings without regard to case.
        same = text_of(value).lower() == text_of(self.single()).lower()
        return same == (operator == "==")

    def single(self):
        if self.take("!"):
            return not truthy(self.single())
        if self.take("("):
            value = self.either()
            if not self.take(")"):
                raise Unknown("a bracket that is not closed")
            return value
        kind, word = self.left.pop(0)
        if kind == 1:
            return word[1:-1].replace("''", "'")
        if kind == 3:
            return int(word)
        if kind == 2 and word in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word]
        if kind == 2 and self.take("("):
            if word not in self.functions:
                raise Unknown(f"function {word}")
            arguments = []
            while not self.take(")"):
                arguments.append(self.either())
                self.take(",")
            return self.functions[word](*arguments)
        if kind == 2:
            return self.looked_up(word)
        raise Unknown(f"{word!r} in an expression")

    def looked_up(self, path):
        context, *rest = path.split(".")
        if context not in self.contexts:
            raise Unknown(f"context {context}")
        value = self.contexts[context]
        for part in rest:
            value = value.get(part) if isinstance(value, dict) else None
        return value


def filled(value, contexts, functions):
    """`value` with every `${{ … }}` in it evaluated; a value that is nothing else keeps its type."""
    if isinstance(value, dict):
        return {key: filled(inner, contexts, functions) for key, inner in value.items()}
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\s*\$\{\{(.*)\}\}\s*", value, re.DOTALL)
    if whole and "${{" not in whole.group(1):
        return Expression(whole.group(1), contexts, functions).value
    return re.sub(r"\$\{\{(.*?)\}\}", lambda m: text_of(Expression(m.group(1), contexts, functions).value), value, flags=re.DOTALL)
