"""Peers are reloadable: added, removed and changed, and nobody else's link notices."""
from client import code_of, is_good
from servers import (at, do, is_linked, peer, peers_of, send_clients, servers, wait_for_error, wait_for_link,  # noqa: F401
                     wait_for_state)


def three(servers):
    """b and c, which wait to be dialled through proxies, and a, which knows only b."""
    b = servers.add("b", peers={"a": {}})
    c = servers.add("c", peers={"a": {}})
    to_b, to_c = servers.proxy(b), servers.proxy(c)
    a = servers.add("a", peers={"b": at(to_b)})
    wait_for_link(a, b)
    return a, b, c, to_b, to_c


def set_peers(broker, **entries):
    broker.config["peers"] = entries
    answer = broker.reload()
    assert answer["ok"], answer
    return answer["result"] if "result" in answer else answer


def test_a_peer_is_added_and_removed_and_the_other_link_stays(servers):
    a, b, c, to_b, to_c = three(servers)
    tina, gustav = a.client("tina"), c.client("gustav")
    assert code_of(send_clients(tina, "gustav@c")) == "peer_unknown"
    set_peers(a, b=at(to_b), c=at(to_c))
    wait_for_link(a, c)
    assert send_clients(tina, "gustav@c")["payload"]["delivered"] == 1 and gustav.data() == 1
    set_peers(a, b=at(to_b))
    wait_for_error(c, "a", "removed")
    assert "c" not in peers_of(a)
    assert code_of(send_clients(tina, "gustav@c")) == "peer_unknown"
    set_peers(a, b=at(to_b), c=at(to_c))
    wait_for_link(a, c)
    assert send_clients(tina, "gustav@c", data=2)["payload"]["delivered"] == 1 and gustav.data() == 2
    assert to_b.accepted == 1 and is_linked(a, "b")


def test_types_are_changed_without_touching_the_link(servers):
    a, b, c, to_b, to_c = three(servers)
    tina, gustav = a.client("tina"), b.client("gustav")
    assert is_good(send_clients(tina, "gustav@b"))
    set_peers(a, b=at(to_b, types=["other"]))
    assert code_of(send_clients(tina, "gustav@b")) == "peer_refused"
    assert do(tina, {"command": "sendClients", "users": ["gustav@b"], "type": "other", "data": 2})["payload"]["delivered"] == 1
    b.config["peers"] = {"a": {"types": []}}
    assert b.reload()["ok"]
    status = do(tina, {"command": "sendClients", "users": ["gustav@b"], "type": "other", "data": 3})
    assert code_of(status) == "peer_refused" and "server b does not take" in status["header"]["error"]["reason"]
    assert [gustav.data(), gustav.data("other")] == [1, 2]
    gustav.expect_nothing_before_ping()
    assert to_b.accepted == 1


def test_a_new_address_is_for_the_next_link(servers):
    a, b, c, to_b, to_c = three(servers)
    new_way = servers.proxy(b)
    set_peers(a, b=at(new_way))
    assert is_linked(a, "b") and new_way.accepted == 0
    to_b.cut()
    wait_for_link(a, b)
    assert new_way.accepted >= 1 and to_b.accepted == 1


def test_a_wrong_address_that_is_corrected_is_dialled_at_once(servers):
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"b": at(1)}, peering={"initial_delay": "60s", "longest_delay": "60s"})
    wait_for_error(a, "b", "connection_failed")
    wait_for_state(a, "b", "waiting")
    set_peers(a, b=at(b))
    wait_for_link(a, b)


def test_several_addresses_are_tried_in_turn(servers):
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"b": at(1, 2, b)})
    wait_for_link(a, b)
    assert peer(a, "b")["address"] == f"127.0.0.1:{b.port}"


def test_a_link_that_waits_to_be_allowed_is_made_when_it_is(servers):
    b = servers.add("b")
    a = servers.add("a", peers={"b": at(b)})
    wait_for_error(a, "b", "peer_unknown")
    b.config["peers"] = {"a": {"types": ["*"]}}
    assert b.reload()["ok"]
    wait_for_link(a, b)


def test_an_entry_for_all_servers(servers):
    b = servers.add("b", peers={"*": {}})
    for name in ("a", "c"):
        other = servers.add(name, peers={"b": at(b)})
        wait_for_link(other, b)
        with b.client("gustav") as gustav:
            assert send_clients(other.client("tina"), "gustav@b", data=name)["payload"]["delivered"] == 1
            assert gustav.data() == name
    b.config["peers"] = {"c": {"types": ["*"]}}
    assert b.reload()["ok"]
    wait_for_state(servers.brokers["a"], "b", "waiting", "dialling")
    assert is_linked(b, "c")


def test_limits_of_links_and_queues_are_changed(servers):
    a, b, c, to_b, to_c = three(servers)
    tina = a.client("tina")
    assert is_good(send_clients(tina, "gustav@b", data="x" * 50_000))
    assert a.reload(peering={"message_size": "16KiB"})["ok"]
    assert code_of(send_clients(tina, "gustav@b", data="x" * 50_000)) == "too_large"
    assert a.reload(peering={"message_size": "1MiB", "deadline": "100ms"})["ok"]
    assert is_good(send_clients(tina, "gustav@b", data="x" * 50_000))
    to_b.swallow()
    assert code_of(send_clients(tina, "gustav@b")) == "peer_expired"
    to_b.release()


def test_a_bad_config_changes_nothing(servers):
    a, b, c, to_b, to_c = three(servers)
    a.config["peers"] = {"c": at(to_c, types=["dummy"])}
    assert not a.reload()["ok"]
    assert is_linked(a, "b") and "c" not in peers_of(a) and to_c.accepted == 0
    assert is_good(send_clients(a.client("tina"), "gustav@b"))
