"""One suite for every preset: --bin says whose executables, --threads how many shards the broker has."""
import os
import pathlib
import resource
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
# What these assert is told as what tests assert: with the values.
pytest.register_assert_rewrite(*(path.stem for path in (ROOT / "tests" / "support").glob("*.py")))

import broker as brokers  # noqa: E402
import eventually as waiting  # noqa: E402

TSAN_SLOWNESS = 5.0
TRANSPORTS = ["v4", "v6", "unix", "tls", "web", "wss"]
# v6 and unix run no code of the broker but what v4 runs, and sanitizers are slow.
TRANSPORTS_OF_SANITIZERS = ["v4", "tls", "web"]


def pytest_addoption(parser):
    parser.addoption("--bin", default=str(ROOT / "build" / "dev" / "bin"), help="folder of the executables to test")
    parser.addoption("--threads", type=int, default=1, help="shards of the broker (server.threads)")
    parser.addoption("--slowness", type=float, default=None,
                     help="factor for all limits of time; by default found out from the build (sanitizers)")
    parser.addoption("--long", action="store_true", help="with the tests, and the numbers, that are too long for each run")


def is_wanted(item, is_long):
    if item.get_closest_marker("long") and not is_long:
        return False
    return not (item.get_closest_marker("one_thread") and waiting.slowness >= TSAN_SLOWNESS)


def pytest_collection_modifyitems(config, items):
    wanted = {item: is_wanted(item, config.getoption("--long")) for item in items}
    config.hook.pytest_deselected(items=[item for item in items if not wanted[item]])
    items[:] = [item for item in items if wanted[item]]


def pytest_configure(config):
    binary = pathlib.Path(config.getoption("--bin")) / "bester"
    if not binary.exists():
        raise pytest.UsageError(f"{binary} does not exist; build it, or name another folder with --bin")
    slowness = config.getoption("--slowness")
    if slowness is None:
        content = binary.read_bytes()
        slowness = TSAN_SLOWNESS if b"__tsan_init" in content else 3.0 if b"__asan_init" in content else 1.0
    waiting.slowness = slowness
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="session")
def bin_directory(request):
    return pathlib.Path(request.config.getoption("--bin")).resolve()


@pytest.fixture(scope="session")
def threads(request):
    return request.config.getoption("--threads")


@pytest.fixture(scope="session")
def is_long(request):
    """Whether this is the long run: tests with a number that matters take the large one then."""
    return request.config.getoption("--long")


@pytest.fixture(scope="session")
def accounts(bin_directory, tmp_path_factory):
    """An account database with the usual users, copied for every broker."""
    path = tmp_path_factory.mktemp("accounts") / "accounts.db"
    brokers.make_accounts(str(bin_directory / "bester"), path)
    return path


@pytest.fixture(scope="session")
def make_broker(bin_directory, threads, accounts):
    """make_broker(handlers={…}, limits={…}, …): a broker to be used as a context."""
    def make(**config):
        config.setdefault("threads", threads)
        config.setdefault("accounts", accounts)
        return brokers.TestBroker(bin_directory, **config)
    return make


def pytest_generate_tests(metafunc):
    if "transport" in metafunc.fixturenames:
        metafunc.parametrize("transport", TRANSPORTS if waiting.slowness == 1 else TRANSPORTS_OF_SANITIZERS, indirect=True)


@pytest.fixture
def transport(request):
    return request.param


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    item.last_report = outcome.get_result()


@pytest.fixture
def shared_log(request):
    """For tests that share a broker: prints what its log got during a test that failed."""
    watched = []

    def watch(broker):
        watched.append((broker, len(broker.log())))
    yield watch
    if getattr(request.node, "last_report", None) and request.node.last_report.failed:
        for broker, before in watched:
            print(f"---- log of the broker in {broker.directory} ----\n{broker.log()[before:][-20000:]}", file=sys.stderr)


@pytest.fixture
def broker(shared, shared_log):
    """The broker that a module's tests share (its fixture `shared`), without the clients of the test before."""
    shared_log(shared)
    yield shared
    shared.close_clients()


@pytest.fixture(scope="session")
def pictures():
    """The folder for what pages look like, which is kept as an output of the build."""
    folder = pathlib.Path(os.environ.get("BESTER_SCREENSHOTS", ROOT / "build" / "results" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
