"""A small reader of CMake lists: commands with their arguments, variables filled in."""

import re
from dataclasses import dataclass
from pathlib import Path

COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|#[^\n]*')
COMMAND = re.compile(r'(\w+)\s*\(((?:"(?:[^"\\]|\\.)*"|[^()"])*)\)')
ARGUMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
REFERENCE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Command:
    """One command: its name in lower case and its arguments."""

    name: str
    arguments: list[str]

    def after(self, keyword: str) -> list[str]:
        """The arguments from a keyword to the next one, which is all in capitals."""
        start = self.arguments.index(keyword) + 1
        rest = self.arguments[start:]
        end = next((n for n, word in enumerate(rest) if re.fullmatch("[A-Z_]+", word)), len(rest))
        return rest[:end]


def read(path: Path) -> list[Command]:
    """The commands of a file; what `set` gave a name is filled in later, the rest is left."""
    text = COMMENT.sub(lambda match: match[1] or "", path.read_text())
    variables: dict[str, list[str]] = {}
    commands = []
    for name, inside in COMMAND.findall(text):
        arguments = []
        for quoted, bare in ARGUMENT.findall(inside):
            word = quoted or bare
            if (whole := REFERENCE.fullmatch(word)) and whole[1] in variables:
                arguments += variables[whole[1]]
            else:
                arguments.append(
                    REFERENCE.sub(lambda m: ";".join(variables.get(m[1], [m[0]])), word)
                )
        command = Command(name.lower(), arguments)
        commands.append(command)
        if command.name == "set":
            variables[arguments[0]] = arguments[1:]
    return commands


def only(commands: list[Command], name: str) -> Command:
    """The one command of this name."""
    (command,) = [command for command in commands if command.name == name.lower()]
    return command
