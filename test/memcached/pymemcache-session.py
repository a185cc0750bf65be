"""What an ordinary program does with pymemcache. Arguments: host, port. Prints OK, or fails."""

import sys
import time

from pymemcache.client.base import Client, PooledClient
from pymemcache.exceptions import MemcacheClientError
from pymemcache import serde

host, port = sys.argv[1], int(sys.argv[2])
client = Client((host, port), timeout=20, connect_timeout=20)

assert client.version().startswith(b"1.6.18")
assert client.set("py:a", "one", expire=100, noreply=False)
assert client.get("py:a") == b"one"
assert client.get("py:none", default=b"nothing") == b"nothing"
assert client.add("py:a", "two", noreply=False) is False
assert client.replace("py:a", "two", noreply=False) is True
assert client.append("py:a", "!", noreply=False) and client.prepend("py:a", "?", noreply=False)
value, unique = client.gets("py:a")
assert value == b"?two!"
assert client.cas("py:a", "three", unique) is True
assert client.cas("py:a", "four", unique) is False
assert client.cas("py:none", "four", b"1") is None
assert client.set_many({"py:b": "1", "py:c": "2"}, noreply=False) == []
assert client.get_many(["py:a", "py:b", "py:none", "py:c"]) == {"py:a": b"three", "py:b": b"1", "py:c": b"2"}
assert client.incr("py:b", 41, noreply=False) == 42 and client.decr("py:b", 100, noreply=False) == 0
assert client.incr("py:none", 1, noreply=False) is None
try:
    client.incr("py:a", 1, noreply=False)
    raise SystemExit("a word is no number")
except MemcacheClientError:
    pass
assert client.touch("py:b", 1000, noreply=False) and not client.touch("py:none", 1, noreply=False)
assert client.set("py:over", "x", expire=-1, noreply=False) and client.get("py:over") is None
assert client.set("py:soon", "x", expire=1, noreply=False)
while client.get("py:soon") is not None:
    time.sleep(0.05)
assert client.delete("py:c", noreply=False) and not client.delete("py:c", noreply=False)
many = {f"py:many:{i}": str(i) for i in range(1000)}
client.set_many(many)
assert client.get_many(list(many)) == {key: value.encode() for key, value in many.items()}
assert client.stats()[b"curr_items"] >= 1000
client.quit()

pooled = PooledClient((host, port), serde=serde.pickle_serde, max_pool_size=4)
pooled.set("py:object", {"a": [1, 2, 3]}, noreply=False)
assert pooled.get("py:object") == {"a": [1, 2, 3]}, "flags say how the value is packed"
assert pooled.flush_all(noreply=False)
assert pooled.get("py:object") is None
pooled.close()
print("OK")
