"""What the service manager is told: that we are ready, that we live, that we stop. See sd_notify(3)."""

import socket


class Manager:
    """`address` is what systemd puts into NOTIFY_SOCKET; None: nobody listens, and nothing is said."""

    def __init__(self, address: str | None) -> None:
        self._address = f"\0{address[1:]}" if address is not None and address.startswith("@") else address

    def tell(self, *lines: str) -> None:
        """Such as READY=1 or WATCHDOG=1. A manager that went away is not missed."""
        if self._address is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setblocking(False)
            try:
                line.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return
