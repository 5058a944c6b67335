"""What run.sh --check does: tina on alpha, gustav on beta and ann on gamma write to one another and ask
who is there. Exit code 0 if each heard the others.

    check_conversation.py BESTER PORT-OF-ALPHA PORT-OF-BETA PORT-OF-GAMMA
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from check_conversation import Person, expect  # noqa: E402


def main(bester, *ports):
    people = {name: Person(bester, f"127.0.0.1:{port}", name) for name, port in zip(("tina", "gustav", "ann"), ports)}
    homes = {"tina": "alpha", "gustav": "beta", "ann": "gamma"}
    for person in people.values():
        expect(person.hears()["header"]["status"] == "good", f"{person.name} is logged in")
    for sender in people.values():
        for recipient in people.values():
            if sender is recipient:
                continue
            sender.says("chat", {"to": f"{recipient.name}@{homes[recipient.name]}", "text": "Hallo!"}, "letter")
            heard = recipient.hears()["payload"]["data"]
            expect(heard == {"from": f"{sender.name}@{homes[sender.name]}", "text": "Hallo!"}, "who wrote and what")
            status = sender.hears()
            expect(status["header"]["status"] == "good" and status["payload"]["delivered"] == 1, "one delivered")
    for person in people.values():
        for other, server in homes.items():
            person.says("chat", {"who": server}, "who")
            expect(person.hears()["payload"]["data"] == {"server": server, "users": [other]}, f"who is on {server}")
            expect(person.hears()["header"]["status"] == "good", "a good status")
    people["tina"].says("chat", {"to": "ann@delta", "text": "Hallo?"}, "letter")
    error = people["tina"].hears()["header"].get("error", {})
    expect(error.get("code") == "peer_unknown", "there is no server delta")
    for person in people.values():
        person.leaves()
    print("users of three servers have talked")


if __name__ == "__main__":
    main(*sys.argv[1:5])
