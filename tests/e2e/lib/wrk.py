"""Load through a web server by wrk: its report, or every status counted."""

import collections
import re
import subprocess

WRK = "/usr/bin/wrk"


def wrk(front, path, seconds, env, clients=64, script=None):
    """Run wrk; returns its report."""
    argv = [WRK, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "20s"]
    if script:
        argv += ["-s", script]
    argv.append(f"http://127.0.0.1:{front.port}{path}")
    done = subprocess.run(argv, env=env.environment(), capture_output=True, text=True,
                          timeout=seconds + 90, check=True)
    return done.stdout


def _to_ms(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def latency(front, path, clients, seconds, script=None):
    """(requests per second, p50 ms, p99 ms, answers that were none or an error)"""
    out = subprocess.run(
        [WRK, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "20s", "--latency",
         *(["-s", script] if script else []), f"http://127.0.0.1:{front.port}{path}"],
        capture_output=True, text=True, check=True).stdout
    errors = re.findall(r"(?:Non-2xx or 3xx responses:|connect|read|write|timeout) (\d+)", out)
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
            _to_ms(re.search(r"^\s+50%\s+(\S+)", out, re.M).group(1)),
            _to_ms(re.search(r"^\s+99%\s+(\S+)", out, re.M).group(1)),
            sum(map(int, errors)))


COUNT_LUA = """
-- Count every status, which wrk itself does not.
counts = {}
function response(status)
  counts[status] = (counts[status] or 0) + 1
end
local threads = {}
function setup(thread) table.insert(threads, thread) end
function done(summary, latency, requests)
  for _, thread in ipairs(threads) do
    for status, n in pairs(thread:get("counts")) do print("status " .. status .. " " .. n) end
  end
  local e = summary.errors
  print("errors " .. (e.connect + e.read + e.write + e.timeout))
end
"""


def count(front, path, env, requests, clients=64):
    """Send at least `requests` requests; returns ({status: count}, errors of the transport)."""
    script = env.dir + "/count.lua"
    with open(script, "w", encoding="ascii") as f:
        f.write(COUNT_LUA)
    statuses, errors = collections.Counter(), 0
    while sum(statuses.values()) < requests:
        out = wrk(front, path, 4, env, clients, script)
        for status, n in re.findall(r"^status (\d+) (\d+)$", out, re.M):
            statuses[int(status)] += int(n)
        errors += int(re.search(r"^errors (\d+)$", out, re.M).group(1))
        assert statuses, out
    return statuses, errors
