"""An application over real HTTP, in a thread beside the tests."""

import threading
from contextlib import contextmanager

import uvicorn

from bot.service import listen


@contextmanager
def served(app):
    """Gives the address. It is `localhost`, where a browser keeps a cookie that is for https only."""
    listening = listen("127.0.0.1", 0)
    listening.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://localhost:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
