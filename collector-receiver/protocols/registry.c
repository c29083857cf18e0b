/* The one table of protocols. */
#include "protocols/http1/http1.h"
#include "protocols/http2/http2.h"
#include "protocols/mysql/mysql.h"
#include "protocols/postgresql/postgresql.h"
#include "protocols/memcached/memcached.h"
#include "protocols/protocol.h"
#include "protocols/redis/redis.h"

const struct protocol *const protocols[] = {
	&http2_protocol,
	&postgresql_protocol,
	&mysql_protocol,
	&http1_protocol,
	&redis_protocol,
	&memcached_protocol,
	NULL,
};
