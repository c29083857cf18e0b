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
	if (end[0] != '\0' && strcmp(end, "/") != 0)
		return "has something behind the port; leave it out, the paths are those of the OTLP specification";
	return NULL;
}

static const char *parse_url(struct export_target *target, const char *authority)
{
	static const char wrong[] = "does not name a host; write http://HOST:PORT, an IPv6 address in brackets";
	const char *end;

	target->place = EXPORT_PLACE_TCP;
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
		return parse_url(target, rest);
	if (behind(endpoint, "https://") != NULL)
		return "asks for TLS, which this program does not speak; export to a Collector on this host, over a "
		       "Unix "
		       "socket, and let that one speak TLS";
	return "has no endpoint that is understood; write unix:///PATH, unix-abstract:NAME or http://HOST:PORT behind "
	       "the "
	       "exporter";
}

const char *export_target_parse(struct export_target *target, const char *specification)
{
	const char *rest;

	memset(target, 0, sizeof(*target));
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
