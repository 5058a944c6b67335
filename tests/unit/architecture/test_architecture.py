"""The house keeps its shape: includes point downward only. Run by ctest and by pytest."""
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import include_rules  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]


def breaches_with(path, text):
    """What is found in a house of one file."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        (root / "broker").mkdir()
        file = root / path
        file.parent.mkdir(parents=True)
        file.write_text(text)
        return include_rules.breaches(root)


class Architecture(unittest.TestCase):
    def test_all_includes_point_downward(self):
        self.assertEqual([], include_rules.breaches(ROOT))

    def test_the_arrows_have_no_circle_and_leave_nothing_out(self):
        for folder, below in include_rules.BELOW.items():
            for lower in below:
                self.assertNotIn(folder, include_rules.BELOW[lower])
                self.assertLessEqual(include_rules.BELOW[lower], below, f"{folder} reaches what {lower} does")

    def test_the_parts_have_no_circle_and_are_all_there(self):
        for folder, parts in include_rules.PARTS.items():
            there = {path.name for path in (ROOT / "broker" / folder).iterdir() if path.is_dir()}
            self.assertEqual(there, set(parts) - {""})
            for part, below in parts.items():
                for lower in below:
                    self.assertNotIn(part, parts[lower])
                    self.assertLessEqual(parts[lower], below, f"{part} reaches what {lower} does")

    def test_the_readme_names_every_folder_and_no_other(self):
        named = set(re.findall(r"^\| \[([a-z/-]+)\]", (ROOT / "README.md").read_text(), re.MULTILINE))
        top = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "." and path.name != "build"}
        rooms = {f"broker/{path.name}" for path in (ROOT / "broker").iterdir() if path.is_dir()}
        self.assertEqual(named, (top - {"broker"}) | rooms)

    def test_each_kind_of_breach_is_found(self):
        for path, text in [
            ("broker/wire/a.hpp", '#include "exchange/shard.hpp"\n'),
            ("broker/wire/a.cpp", "#include <asio.hpp>\n"),
            ("broker/wire/a.cpp", "#include <nlohmann/json.hpp>\n"),
            ("broker/storage/a.cpp", '#include "exchange/shard.hpp"\n'),
            ("broker/clients/a.cpp", '#include "handlers/supervisor.hpp"\n'),
            ("broker/handlers/a.cpp", '  #  include "clients/listener/listener.hpp"\n'),
            ("broker/peering/a.cpp", "#include <clients/listener/listener.hpp>\n"),
            ("broker/exchange/a.hpp", '#include "cli/serve.hpp"\n'),
            ("broker/exchange/a.cpp", '#include "elsewhere/a.hpp"\n'),
            ("broker/exchange/a.hpp", "#include <nlohmann/json.hpp>\n"),
            ("broker/exchange/a.cpp", "#include <spdlog/spdlog.h>\n"),
            ("broker/handlers/a.cpp", "#include <nlohmann/json.hpp>\n"),
            ("broker/cli/broker.cpp", "#include <nlohmann/json.hpp>\n"),
            ("broker/handlers/a.cpp", "#include <asio/use_awaitable.hpp>\n"),
            ("broker/attic/a.cpp", "\n"),
            ("broker/peering/attic/a.cpp", "\n"),
            ("broker/clients/session/a.cpp", '#include "clients/http/http_connection.hpp"\n'),
            ("broker/wire/part/a.cpp", "\n"),
            ("broker/peering/flows/deeper/a.cpp", "\n"),
            ("broker/peering/routing/a.cpp", '#include "peering/link/link_setup.hpp"\n'),
            ("broker/peering/shard/a.hpp", '#include "peering/network/peer_network.hpp"\n'),
            ("broker/peering/a.hpp", '#include "peering/flows/ring.hpp"\n'),
            ("broker/cli/a.cpp", "\n" * 501),
            ("handler-sdk/cpp/handler/include/bester/a.hpp", "#include <asio/ip/tcp.hpp>\n"),
            ("handler-sdk/cpp/handler/include/bester/a.hpp", '#include "wire/frame.hpp"\n'),
        ]:
            with self.subTest(path=path, text=text.strip()):
                self.assertEqual(1, len(breaches_with(path, text)))

    def test_what_is_allowed_is_not_found(self):
        for path, text in [
            ("broker/clients/a.cpp", '#include "exchange/shard.hpp"\n#include "wire/frame.hpp"\n#include "clients/b.hpp"\n'),
            ("broker/clients/http/a.cpp", '#include "clients/shard_clients.hpp"\n#include "clients/session/b.hpp"\n'),
            ("broker/clients/a.cpp", '#include "clients/http/b.hpp"\n'),
            ("broker/cli/serve.cpp", '#include "handlers/supervisor.hpp"\n#include "storage/accounts.hpp"\n'),
            ("broker/peering/network/a.cpp", '#include "peering/shard/shard_peers.hpp"\n#include "wire/frame.hpp"\n'),
            ("broker/peering/flows/a.cpp", '#include "peering/flows/ring.hpp"\n#include "peering/peer_settings.hpp"\n'),
            ("broker/exchange/a.cpp", '// #include "cli/serve.hpp"\n#include "log/log.hpp"\n#include <vector>\n'),
        ]:
            with self.subTest(path=path):
                self.assertEqual([], breaches_with(path, text))


if __name__ == "__main__":
    unittest.main()
