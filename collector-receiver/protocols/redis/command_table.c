/* The commands of Redis 8, Valkey, KeyDB and Sentinel by name. */
#include <strings.h>

#include "protocols/redis/redis.h"

struct known_command {
	const char *name;
	enum redis_kind kind;
};

/* Sorted: redis_parse_test.c looks each one up. */
static const struct known_command commands[] = {
	{"acl", REDIS_CONTAINER}, {"append", REDIS_PLAIN}, {"asking", REDIS_PLAIN}, {"auth", REDIS_PLAIN},
	{"bgrewriteaof", REDIS_PLAIN}, {"bgsave", REDIS_PLAIN}, {"bitcount", REDIS_PLAIN}, {"bitfield", REDIS_PLAIN},
	{"bitfield_ro", REDIS_PLAIN}, {"bitop", REDIS_PLAIN}, {"bitpos", REDIS_PLAIN}, {"blmove", REDIS_PLAIN},
	{"blmpop", REDIS_PLAIN}, {"blpop", REDIS_PLAIN}, {"brpop", REDIS_PLAIN}, {"brpoplpush", REDIS_PLAIN},
	{"bzmpop", REDIS_PLAIN}, {"bzpopmax", REDIS_PLAIN}, {"bzpopmin", REDIS_PLAIN}, {"client", REDIS_CLIENT},
	{"cluster", REDIS_CONTAINER}, {"command", REDIS_CONTAINER}, {"commandlog", REDIS_CONTAINER},
	{"config", REDIS_CONTAINER}, {"copy", REDIS_PLAIN}, {"dbsize", REDIS_PLAIN}, {"debug", REDIS_PLAIN},
	{"decr", REDIS_PLAIN}, {"decrby", REDIS_PLAIN}, {"del", REDIS_PLAIN}, {"delifeq", REDIS_PLAIN},
	{"discard", REDIS_DISCARD}, {"dump", REDIS_PLAIN}, {"echo", REDIS_PLAIN}, {"eval", REDIS_PLAIN},
	{"eval_ro", REDIS_PLAIN}, {"evalsha", REDIS_SCRIPT}, {"evalsha_ro", REDIS_SCRIPT}, {"exec", REDIS_EXEC},
	{"exists", REDIS_PLAIN}, {"expire", REDIS_PLAIN}, {"expireat", REDIS_PLAIN}, {"expiremember", REDIS_PLAIN},
	{"expirememberat", REDIS_PLAIN}, {"expiretime", REDIS_PLAIN}, {"failover", REDIS_PLAIN},
	{"fcall", REDIS_SCRIPT}, {"fcall_ro", REDIS_SCRIPT}, {"flushall", REDIS_PLAIN}, {"flushdb", REDIS_PLAIN},
	{"function", REDIS_CONTAINER}, {"geoadd", REDIS_PLAIN}, {"geodist", REDIS_PLAIN}, {"geohash", REDIS_PLAIN},
	{"geopos", REDIS_PLAIN}, {"georadius", REDIS_PLAIN}, {"georadius_ro", REDIS_PLAIN},
	{"georadiusbymember", REDIS_PLAIN}, {"georadiusbymember_ro", REDIS_PLAIN}, {"geosearch", REDIS_PLAIN},
	{"geosearchstore", REDIS_PLAIN}, {"get", REDIS_PLAIN}, {"getbit", REDIS_PLAIN}, {"getdel", REDIS_PLAIN},
	{"getex", REDIS_PLAIN}, {"getrange", REDIS_PLAIN}, {"getset", REDIS_PLAIN}, {"hdel", REDIS_PLAIN},
	{"hello", REDIS_PLAIN}, {"hexists", REDIS_PLAIN}, {"hexpire", REDIS_PLAIN}, {"hexpireat", REDIS_PLAIN},
	{"hexpiretime", REDIS_PLAIN}, {"hget", REDIS_PLAIN}, {"hgetall", REDIS_PLAIN}, {"hgetdel", REDIS_PLAIN},
	{"hgetex", REDIS_PLAIN}, {"hincrby", REDIS_PLAIN}, {"hincrbyfloat", REDIS_PLAIN}, {"hkeys", REDIS_PLAIN},
	{"hlen", REDIS_PLAIN}, {"hmget", REDIS_PLAIN}, {"hmset", REDIS_PLAIN}, {"hpersist", REDIS_PLAIN},
	{"hpexpire", REDIS_PLAIN}, {"hpexpireat", REDIS_PLAIN}, {"hpexpiretime", REDIS_PLAIN},
	{"hpttl", REDIS_PLAIN}, {"hrandfield", REDIS_PLAIN}, {"hscan", REDIS_PLAIN}, {"hset", REDIS_PLAIN},
	{"hsetex", REDIS_PLAIN}, {"hsetnx", REDIS_PLAIN}, {"hstrlen", REDIS_PLAIN}, {"httl", REDIS_PLAIN},
	{"hvals", REDIS_PLAIN}, {"incr", REDIS_PLAIN}, {"incrby", REDIS_PLAIN}, {"incrbyfloat", REDIS_PLAIN},
	{"info", REDIS_PLAIN}, {"keydb.cron", REDIS_PLAIN}, {"keys", REDIS_PLAIN}, {"lastsave", REDIS_PLAIN},
	{"latency", REDIS_CONTAINER}, {"lcs", REDIS_PLAIN}, {"lindex", REDIS_PLAIN}, {"linsert", REDIS_PLAIN},
	{"llen", REDIS_PLAIN}, {"lmove", REDIS_PLAIN}, {"lmpop", REDIS_PLAIN}, {"lolwut", REDIS_PLAIN},
	{"lpop", REDIS_PLAIN}, {"lpos", REDIS_PLAIN}, {"lpush", REDIS_PLAIN}, {"lpushx", REDIS_PLAIN},
	{"lrange", REDIS_PLAIN}, {"lrem", REDIS_PLAIN}, {"lset", REDIS_PLAIN}, {"ltrim", REDIS_PLAIN},
	{"memory", REDIS_CONTAINER}, {"mget", REDIS_PLAIN}, {"migrate", REDIS_PLAIN}, {"module", REDIS_CONTAINER},
	{"monitor", REDIS_MONITOR}, {"move", REDIS_PLAIN}, {"mset", REDIS_PLAIN}, {"msetex", REDIS_PLAIN},
	{"msetnx", REDIS_PLAIN}, {"multi", REDIS_PLAIN}, {"object", REDIS_CONTAINER}, {"persist", REDIS_PLAIN},
	{"pexpire", REDIS_PLAIN}, {"pexpireat", REDIS_PLAIN}, {"pexpirememberat", REDIS_PLAIN},
	{"pexpiretime", REDIS_PLAIN}, {"pfadd", REDIS_PLAIN}, {"pfcount", REDIS_PLAIN}, {"pfdebug", REDIS_PLAIN},
	{"pfmerge", REDIS_PLAIN}, {"pfselftest", REDIS_PLAIN}, {"ping", REDIS_PLAIN}, {"psetex", REDIS_PLAIN},
	{"psubscribe", REDIS_SUBSCRIBE}, {"psync", REDIS_SYNC}, {"pttl", REDIS_PLAIN}, {"publish", REDIS_PLAIN},
	{"pubsub", REDIS_CONTAINER}, {"punsubscribe", REDIS_SUBSCRIBE}, {"quit", REDIS_PLAIN},
	{"randomkey", REDIS_PLAIN}, {"readonly", REDIS_PLAIN}, {"readwrite", REDIS_PLAIN}, {"rename", REDIS_PLAIN},
	{"renamenx", REDIS_PLAIN}, {"replconf", REDIS_REPLICATION_STATE}, {"replicaof", REDIS_PLAIN},
	{"reset", REDIS_RESET}, {"restore", REDIS_PLAIN}, {"restore-asking", REDIS_PLAIN}, {"role", REDIS_PLAIN},
	{"rpop", REDIS_PLAIN}, {"rpoplpush", REDIS_PLAIN}, {"rpush", REDIS_PLAIN}, {"rpushx", REDIS_PLAIN},
	{"sadd", REDIS_PLAIN}, {"save", REDIS_PLAIN}, {"scan", REDIS_PLAIN}, {"scard", REDIS_PLAIN},
	{"script", REDIS_CONTAINER}, {"sdiff", REDIS_PLAIN}, {"sdiffstore", REDIS_PLAIN}, {"select", REDIS_SELECT},
	{"sentinel", REDIS_CONTAINER}, {"set", REDIS_PLAIN}, {"setbit", REDIS_PLAIN}, {"setex", REDIS_PLAIN},
	{"setnx", REDIS_PLAIN}, {"setrange", REDIS_PLAIN}, {"shutdown", REDIS_SHUTDOWN}, {"sinter", REDIS_PLAIN},
	{"sintercard", REDIS_PLAIN}, {"sinterstore", REDIS_PLAIN}, {"sismember", REDIS_PLAIN},
	{"slaveof", REDIS_PLAIN}, {"slowlog", REDIS_CONTAINER}, {"smembers", REDIS_PLAIN},
	{"smismember", REDIS_PLAIN}, {"smove", REDIS_PLAIN}, {"sort", REDIS_PLAIN}, {"sort_ro", REDIS_PLAIN},
	{"spop", REDIS_PLAIN}, {"spublish", REDIS_PLAIN}, {"srandmember", REDIS_PLAIN}, {"srem", REDIS_PLAIN},
	{"sscan", REDIS_PLAIN}, {"ssubscribe", REDIS_SUBSCRIBE}, {"strlen", REDIS_PLAIN},
	{"subscribe", REDIS_SUBSCRIBE}, {"substr", REDIS_PLAIN}, {"sunion", REDIS_PLAIN},
	{"sunionstore", REDIS_PLAIN}, {"sunsubscribe", REDIS_SUBSCRIBE}, {"swapdb", REDIS_PLAIN},
	{"sync", REDIS_SYNC}, {"time", REDIS_PLAIN}, {"touch", REDIS_PLAIN}, {"ttl", REDIS_PLAIN},
	{"type", REDIS_PLAIN}, {"unlink", REDIS_PLAIN}, {"unsubscribe", REDIS_SUBSCRIBE}, {"unwatch", REDIS_PLAIN},
	{"wait", REDIS_PLAIN}, {"waitaof", REDIS_PLAIN}, {"watch", REDIS_PLAIN}, {"xack", REDIS_PLAIN},
	{"xackdel", REDIS_PLAIN}, {"xadd", REDIS_PLAIN}, {"xautoclaim", REDIS_PLAIN}, {"xclaim", REDIS_PLAIN},
	{"xdel", REDIS_PLAIN}, {"xdelex", REDIS_PLAIN}, {"xgroup", REDIS_CONTAINER}, {"xinfo", REDIS_CONTAINER},
	{"xlen", REDIS_PLAIN}, {"xpending", REDIS_PLAIN}, {"xrange", REDIS_PLAIN}, {"xread", REDIS_PLAIN},
	{"xreadgroup", REDIS_PLAIN}, {"xrevrange", REDIS_PLAIN}, {"xsetid", REDIS_PLAIN}, {"xtrim", REDIS_PLAIN},
	{"zadd", REDIS_PLAIN}, {"zcard", REDIS_PLAIN}, {"zcount", REDIS_PLAIN}, {"zdiff", REDIS_PLAIN},
	{"zdiffstore", REDIS_PLAIN}, {"zincrby", REDIS_PLAIN}, {"zinter", REDIS_PLAIN}, {"zintercard", REDIS_PLAIN},
	{"zinterstore", REDIS_PLAIN}, {"zlexcount", REDIS_PLAIN}, {"zmpop", REDIS_PLAIN}, {"zmscore", REDIS_PLAIN},
	{"zpopmax", REDIS_PLAIN}, {"zpopmin", REDIS_PLAIN}, {"zrandmember", REDIS_PLAIN}, {"zrange", REDIS_PLAIN},
	{"zrangebylex", REDIS_PLAIN}, {"zrangebyscore", REDIS_PLAIN}, {"zrangestore", REDIS_PLAIN},
	{"zrank", REDIS_PLAIN}, {"zrem", REDIS_PLAIN}, {"zremrangebylex", REDIS_PLAIN},
	{"zremrangebyrank", REDIS_PLAIN}, {"zremrangebyscore", REDIS_PLAIN}, {"zrevrange", REDIS_PLAIN},
	{"zrevrangebylex", REDIS_PLAIN}, {"zrevrangebyscore", REDIS_PLAIN}, {"zrevrank", REDIS_PLAIN},
	{"zscan", REDIS_PLAIN}, {"zscore", REDIS_PLAIN}, {"zunion", REDIS_PLAIN}, {"zunionstore", REDIS_PLAIN},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* A name that ends where the other goes on comes first. */
static int compare(struct slice name, const char *known)
{
	int order = strncasecmp(name.bytes, known, name.length);

	return order != 0 || known[name.length] == '\0' ? order : -1;
}

enum redis_kind redis_command_kind(struct slice name)
{
	size_t from = 0, to = COMMANDS;

	if (!redis_name_is_plausible(name))
		return REDIS_UNKNOWN;
	while (from < to) {
		size_t middle = (from + to) / 2;
		int order = compare(name, commands[middle].name);

		if (order == 0)
			return commands[middle].kind;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return REDIS_UNKNOWN;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool redis_name_is_plausible(struct slice name)
{
	if (name.length == 0 || name.length > REDIS_NAME_BYTES_MAX || !is_letter(name.bytes[0]))
		return false;
	for (size_t i = 1; i < name.length; i++) {
		char c = name.bytes[i];

		if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}
