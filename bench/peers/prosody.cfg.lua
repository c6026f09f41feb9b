-- prosody as a careful operator runs it for this work: epoll, nothing loaded that the work does not need, no
-- limits on what one connection may do. Without TLS: the bench's own node encrypts everything, so that is to
-- the peer's advantage.
daemonize = false
run_as_root = true
pidfile = "@FOLDER@/prosody.pid"
data_path = "@DATA@"
network_backend = "epoll"
network_settings = { tcp_backlog = 4096 }
-- As its documentation advises for Lua 5.4, and later versions do by themselves: half the CPU a message.
gc = { mode = "generational" }
log = { warn = "*console" }

modules_enabled = { "saslauth", "smacks", "offline" }
modules_disabled = { "s2s", "s2s_auth_certs", "tls" }

c2s_ports = { @PORT@ }
c2s_interfaces = { "@HOST@" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true

-- Passwords as they are: hashing (SCRAM) would cost the server milliseconds a login with PLAIN.
authentication = "internal_plain"
storage = "internal"

smacks_hibernation_time = 0

VirtualHost "@DOMAIN@"

Component "conference.@DOMAIN@" "muc"
	name = "groups"
	restrict_room_creation = false
	muc_room_locking = false
	muc_room_default_history_length = 0
	muc_room_default_persistent = true
	-- Nobody is told who is there: a group of 1,024 would be a million presences before its first message.
	muc_room_default_presence_broadcast = { visitor = false, participant = false, moderator = false }
