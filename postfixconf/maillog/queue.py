"""The messages in the queue: which of them a line of the log means.

A message is named by host, instance and queue id, since a queue id is unique within
an instance of Postfix only. What is not known is which instance a service with a name
of its own belongs to (`postfix/submission` to `postfix`, `postfix-in`): its messages
are looked for by host and queue id alone, until another service names the instance.
"""

from postfixconf.maillog.attempt import Attempt
from postfixconf.maillog.state import Bounded, Message, Name

__all__ = ["Queue", "name_of"]


def name_of(attempt: Attempt) -> Name:
    """The name of the message that an attempt has brought."""
    return (attempt.host, attempt.service.partition("/")[0], attempt.queue_id or "")


class Queue:
    """Up to `messages` of them, and `strays` whose instance is not certain."""

    def __init__(self, messages: int, strays: int) -> None:
        self._messages: Bounded[Name, Message] = Bounded(messages)
        self._strays: Bounded[tuple[str, str], Message] = Bounded(strays)

    def __len__(self) -> int:
        return len(self._messages)

    def find(self, name: Name) -> Message | None:
        """The message of this name."""
        return self._messages.get(name)

    def known(self, name: Name) -> Message:
        """The message of this name, a new one where the log had none."""
        return self._messages.get(name) or self._messages.put(name, Message(name))

    def enter(self, message: Message) -> None:
        """smtpd has given a message its queue id."""
        self._messages.put(message.name, message)
        if message.service.count("/") > 1:
            self._strays.put((message.name[0], message.name[2]), message)

    def come_again(self, name: Name, before: str | None) -> bool:
        """Whether it was here as `before`: it comes back from a content filter."""
        message = before and self._messages.get((name[0], name[1], before))
        if not message:
            return False
        self._messages.put(name, message)
        return True

    def strayed(self, name: Name) -> Message | None:
        """The message that a service with another name has taken, by its own now."""
        message = self._strays.pop((name[0], name[2]), None)
        if message is not None and message.name[1] != name[1]:
            self._messages.pop(message.name, None)
            message.name = name
            return self._messages.put(name, message)
        return None

    def leave(self, name: Name) -> Message | None:
        """The message of this name, which nothing more is said of."""
        return self._messages.pop(name, None)
