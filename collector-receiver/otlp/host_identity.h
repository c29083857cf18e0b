/* What this host is called: read once, before the receiver locks itself in. */
#ifndef OTLP_HOST_IDENTITY_H
#define OTLP_HOST_IDENTITY_H

enum {
	HOST_IDENTITY_TEXT_MAX = 256,
};

/* Empty strings: not known. */
struct host_identity {
	char name[HOST_IDENTITY_TEXT_MAX];
	char id[HOST_IDENTITY_TEXT_MAX];   /* machine-id(5) */
	char arch[HOST_IDENTITY_TEXT_MAX]; /* in the words of the conventions: amd64, arm64 ... */
};

void host_identity_read(struct host_identity *host);

#endif
