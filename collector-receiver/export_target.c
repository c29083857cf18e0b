/* Take apart what --export says. */
#include "export_target.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum {
	GRPC_PORT = 4317,
	HTTP_PORT = 4318,
};

/* The text behind `prefix`, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static bool copy(char *out, size_t size, const char *text, size_t length)
{
	if (length == 0 || length >= size)
		return false;
	memcpy(out, text, length);
	out[length] = '\0';
	return true;
}

static const char *parse_socket(struct export_target *target, const char *path)
{
	/* The terminating NUL, or the leading one of an abstract name, takes one byte. */
	if (!copy(target->path, sizeof(((struct sockaddr_un *)0)->sun_path), path, strlen(path)))
		return "does not name a Unix socket; its path must have 1 to 107 bytes";
	if (target->place == EXPORT_PLACE_PATH && path[0] != '/')
		return "does not name an absolute path; write it with three slashes, such as "
		       "unix:///run/otelcol/otlp.sock";
	return NULL;
}

/* What stands behind the port. */
static const char *parse_url_path(struct export_target *target, const char *path)
{
	size_t length = strlen(path);

	if (length == 0)
		return NULL;
	if (target->kind != EXPORT_OTLP_HTTP && strcmp(path, "/") != 0)
		return "has something behind the port; leave it out, the paths are those of the OTLP specification";
	if (path[0] != '/' || strcspn(path, "?# \t\r\n") != length)
		return "has something behind the port that is no path; write http://HOST:PORT/PATH";
	target->path_is_whole = target->kind == EXPORT_OTLP_HTTP && target->signals != EXPORT_SIGNALS_ALL;
	while (!target->path_is_whole && length > 0 && path[length - 1] == '/')
		length--;
	if (length >= sizeof(target->url_path))
		return "has a path that is too long";
	memcpy(target->url_path, path, length);
	return NULL;
}

static const char *parse_port(struct export_target *target, const char *text)
{
	char *end;
	unsigned long port;

	if (text[0] != ':') {
		target->port = target->kind == EXPORT_OTLP_GRPC ? GRPC_PORT : HTTP_PORT;
		end = (char *)text;
	} else {
		port = isdigit((unsigned char)text[1]) ? strtoul(text + 1, &end, 10) : 0;
		if (port == 0 || port > UINT16_MAX)
			return "has no valid port; give one from 1 to 65535, such as http://localhost:4317";
		target->port = (uint16_t)port;
	}
	return parse_url_path(target, end);
}

static const char *parse_url(struct export_target *target, enum export_scheme scheme, const char *authority)
{
	static const char wrong[] = "does not name a host; write http://HOST:PORT, an IPv6 address in brackets";
	const char *end;

	target->place = EXPORT_PLACE_TCP;
	target->scheme = scheme;
	if (authority[0] == '[') {
		end = strchr(++authority, ']');
		if (end == NULL || !copy(target->host, sizeof(target->host), authority, (size_t)(end - authority)))
			return wrong;
		return parse_port(target, end + 1);
	}
	end = authority + strcspn(authority, ":/");
	if (!copy(target->host, sizeof(target->host), authority, (size_t)(end - authority)) ||
	    strcspn(target->host, "@?# \t[]") != strlen(target->host))
		return wrong;
	return parse_port(target, end);
}

static const char *parse_endpoint(struct export_target *target, const char *endpoint)
{
	const char *rest;

	if ((rest = behind(endpoint, "unix://")) != NULL) {
		target->place = EXPORT_PLACE_PATH;
		return parse_socket(target, rest);
	}
	if ((rest = behind(endpoint, "unix-abstract:")) != NULL) {
		target->place = EXPORT_PLACE_ABSTRACT;
		return parse_socket(target, rest);
	}
	if ((rest = behind(endpoint, "http://")) != NULL)
		return parse_url(target, EXPORT_SCHEME_HTTP, rest);
	if ((rest = behind(endpoint, "https://")) != NULL)
		return parse_url(target, EXPORT_SCHEME_HTTPS, rest);
	/* As gRPC's own clients, and the Collector's exporter, have it. */
	if (target->kind == EXPORT_OTLP_GRPC && strstr(endpoint, "://") == NULL &&
	    (isalnum((unsigned char)endpoint[0]) || endpoint[0] == '['))
		return parse_url(target, EXPORT_SCHEME_NONE, endpoint);
	return "has no endpoint that is understood; write unix:///PATH, unix-abstract:NAME, http://HOST:PORT or "
	       "https://HOST:PORT behind the exporter";
}

static enum export_signals parse_signals(const char **specification)
{
	const enum export_signals each[] = {EXPORT_TRACES, EXPORT_METRICS};

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		const char *rest = behind(*specification, export_signals_prefix(each[i]));

		if (rest != NULL) {
			*specification = rest;
			return each[i];
		}
	}
	return EXPORT_SIGNALS_ALL;
}

const char *export_target_parse(struct export_target *target, const char *specification)
{
	const char *rest;

	memset(target, 0, sizeof(*target));
	target->signals = parse_signals(&specification);
	if (strcmp(specification, "console") == 0) {
		target->kind = EXPORT_CONSOLE;
		return NULL;
	}
	if ((rest = behind(specification, "file:")) != NULL) {
		target->kind = EXPORT_FILE;
		target->place = EXPORT_PLACE_PATH;
		return copy(target->path, sizeof(target->path), rest, strlen(rest))
			       ? NULL
			       : "does not name a file; write file:PATH";
	}
	if ((rest = behind(specification, "otlp-grpc:")) != NULL) {
		target->kind = EXPORT_OTLP_GRPC;
		return parse_endpoint(target, rest);
	}
	if ((rest = behind(specification, "otlp-http:")) != NULL) {
		target->kind = EXPORT_OTLP_HTTP;
		return parse_endpoint(target, rest);
	}
	return "is not an exporter; give otlp-grpc:ENDPOINT, otlp-http:ENDPOINT, console or file:PATH";
}

bool export_target_has_tls(const struct export_target *target, bool insecure)
{
	return target->place == EXPORT_PLACE_TCP &&
	       (target->scheme == EXPORT_SCHEME_HTTPS || (target->scheme == EXPORT_SCHEME_NONE && !insecure));
}

const char *export_signals_prefix(enum export_signals signals)
{
	switch (signals) {
	case EXPORT_TRACES:
		return "traces/";
	case EXPORT_METRICS:
		return "metrics/";
	case EXPORT_SIGNALS_ALL:
		break;
	}
	return "";
}
