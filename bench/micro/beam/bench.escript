#!/usr/bin/env escript
%% -*- erlang -*-
%%! +P 4000000 +S 1:1 -kernel logger_level none
%% The same work as bench/micro/bench_*.py, done by the original: one scheduler, to be fair to one core.
%%
%% usage: escript bench.escript NAME COUNT
%% prints one JSON line a figure
-module(bench).
-mode(compile).
-behaviour(supervisor).
-export([main/1, init/1, start_child/0, child_loop/0]).

main([Name, Count]) ->
    run(list_to_atom(Name), list_to_integer(Count)),
    halt(0).

report(Name, Value, Unit, Note) ->
    io:format("{\"name\": \"~s\", \"system\": \"beam\", \"value\": ~p, \"unit\": \"~s\", \"note\": \"~s\"}~n",
              [Name, float(Value), Unit, Note]).

%% Microseconds of wall time that F took; the machine has one scheduler busy with it, so this is its CPU time.
timed(F) ->
    {Micros, _} = timer:tc(F),
    Micros.

run(idle_memory, N) ->
    RssBefore = rss_bytes(),
    Pids = [spawn(fun idle/0) || _ <- lists:seq(1, N)],
    report("idle_actor_bytes", (rss_bytes() - RssBefore) / N, "bytes", "resident"),
    length(Pids);
run(start_stop, N) ->
    Micros = timed(fun() -> start_and_stop(N) end),
    report("start_stop_1m_s", Micros / 1.0e6 * (1.0e6 / N), "s", "wall time, one scheduler");
run(tell, N) ->
    Self = self(),
    Counter = spawn(fun() -> count(N, Self) end),
    Micros = timed(fun() ->
        tell_many(Counter, N),
        receive counted -> ok end
    end),
    report("tell_per_s", N / (Micros / 1.0e6), "1/s", "told and handled");
run(ask, N) ->
    Echo = spawn(fun echo/0),
    Micros = timed(fun() -> ask_many(Echo, N) end),
    report("ask_us", Micros / N, "us", "monitor, send, receive, demonitor");
run(wake, N) ->
    Self = self(),
    Rounds = 20,
    Pids = [spawn(fun() -> woken(Self) end) || _ <- lists:seq(1, N)],
    Micros = timed(fun() -> wake_rounds(Pids, N, Rounds) end),
    report("wake_us", Micros / (N * Rounds), "us", "a round at a time");
run(restart, N) ->
    Supervisor = start_supervisor(N),
    Pids = [Pid || {_, Pid, _, _} <- supervisor:which_children(Supervisor)],
    Victims = lists:sublist(Pids, 200),
    Micros = [restart_one(Victim) || Victim <- Victims],
    report("restart_us_100k_siblings", lists:nth(length(Micros) div 2, lists:sort(Micros)), "us", "simple_one_for_one");
run(crash_storm, N) ->
    Supervisor = start_supervisor(N),
    Pids = [Pid || {_, Pid, _, _} <- supervisor:which_children(Supervisor)],
    Micros = timed(fun() ->
        [exit(Pid, crash) || Pid <- Pids],
        wait_restarted(N)
    end),
    report("crash_storm_restarts_per_s", N / (Micros / 1.0e6), "1/s", "all at once").

idle() -> receive stop -> ok end.

start_and_stop(N) ->
    Pids = [spawn_monitor(fun idle/0) || _ <- lists:seq(1, N)],
    [Pid ! stop || {Pid, _} <- Pids],
    [receive {'DOWN', Ref, process, _, _} -> ok end || {_, Ref} <- Pids].

count(0, Parent) -> Parent ! counted;
count(N, Parent) -> receive tick -> count(N - 1, Parent) end.

tell_many(_, 0) -> ok;
tell_many(Pid, N) -> Pid ! tick, tell_many(Pid, N - 1).

echo() ->
    receive {call, From, Ref, Body} -> From ! {Ref, Body}, echo() end.

ask_many(_, 0) -> ok;
ask_many(Pid, N) ->
    Ref = monitor(process, Pid),
    Pid ! {call, self(), Ref, N},
    receive
        {Ref, _} -> demonitor(Ref, [flush]), ask_many(Pid, N - 1)
    end.

woken(Parent) ->
    receive {wake, last} -> Parent ! done, woken(Parent); {wake, _} -> woken(Parent) end.

wake_rounds(_, _, 0) -> ok;
wake_rounds(Pids, N, Rounds) ->
    wake_all(Pids),
    receive done -> ok end,
    wake_rounds(Pids, N, Rounds - 1).

wake_all([Pid]) -> Pid ! {wake, last};
wake_all([Pid | Rest]) -> Pid ! {wake, more}, wake_all(Rest).

%% A supervisor with N children that tell this process whenever they start.
start_supervisor(N) ->
    persistent_term:put(bench_parent, self()),
    {ok, Supervisor} = supervisor:start_link(bench, []),
    [{ok, _} = supervisor:start_child(Supervisor, []) || _ <- lists:seq(1, N)],
    wait_restarted(N),
    Supervisor.

init([]) ->
    {ok, {#{strategy => simple_one_for_one, intensity => 100000000, period => 1},
          [#{id => child, start => {bench, start_child, []}}]}}.

start_child() ->
    {ok, spawn_link(bench, child_loop, [])}.

child_loop() ->
    persistent_term:get(bench_parent) ! started,
    receive stop -> ok end.

restart_one(Victim) ->
    timed(fun() -> exit(Victim, crash), receive started -> ok end end).

wait_restarted(0) -> ok;
wait_restarted(N) -> receive started -> wait_restarted(N - 1) end.

rss_bytes() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Kib]} = re:run(Status, "VmRSS:\\s+(\\d+) kB", [{capture, all_but_first, list}]),
    list_to_integer(Kib) * 1024.
