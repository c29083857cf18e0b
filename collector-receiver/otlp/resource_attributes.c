/* Parse and percent-decode a list of resource attributes. */
#include "otlp/resource_attributes.h"

#include <errno.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct slice trim(struct slice text)
{
	while (text.length > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
		text.bytes++;
		text.length--;
	}
	while (text.length > 0 && (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t'))
		text.length--;
	return text;
}

/* Decode behind what is already in text[]. */
static int decode(struct resource_attributes *out, size_t *used, struct slice encoded, struct slice *decoded)
{
	char *start = out->text + *used;
	char *at = start;

	if (encoded.length > sizeof(out->text) - *used)
		return -EINVAL;
	for (size_t i = 0; i < encoded.length; i++) {
		char c = encoded.bytes[i];

		if (c == '%') {
			if (encoded.length - i < 3 || hex_value(encoded.bytes[i + 1]) < 0 ||
			    hex_value(encoded.bytes[i + 2]) < 0)
				return -EINVAL;
			c = (char)(hex_value(encoded.bytes[i + 1]) << 4 | hex_value(encoded.bytes[i + 2]));
			i += 2;
		}
		*at++ = c;
	}
	*decoded = (struct slice){start, (size_t)(at - start)};
	*used += decoded->length;
	return 0;
}

static struct resource_attribute *slot_for(struct resource_attributes *out, struct slice key)
{
	for (uint32_t i = 0; i < out->count; i++)
		if (slice_equal(out->items[i].key, key))
			return &out->items[i];
	return out->count < RESOURCE_ATTRIBUTES_MAX ? &out->items[out->count++] : NULL;
}

static int parse_item(struct resource_attributes *out, size_t *used, struct slice item)
{
	const char *equals = memchr(item.bytes, '=', item.length);
	struct resource_attribute decoded;

	if (equals == NULL)
		return -EINVAL;
	struct slice key = trim((struct slice){item.bytes, (size_t)(equals - item.bytes)});
	struct slice value = trim((struct slice){equals + 1, item.length - (size_t)(equals + 1 - item.bytes)});

	if (key.length == 0 || decode(out, used, key, &decoded.key) != 0 ||
	    decode(out, used, value, &decoded.value) != 0)
		return -EINVAL;
	struct resource_attribute *slot = slot_for(out, decoded.key);

	if (slot == NULL)
		return -EINVAL;
	*slot = decoded;
	return 0;
}

int resource_attributes_parse(struct slice text, struct resource_attributes *out)
{
	size_t used = 0;

	out->count = 0;
	while (text.length > 0) {
		const char *comma = memchr(text.bytes, ',', text.length);
		size_t length = comma == NULL ? text.length : (size_t)(comma - text.bytes);
		struct slice item = trim((struct slice){text.bytes, length});
		size_t step = comma == NULL ? length : length + 1;

		if (item.length > 0 && parse_item(out, &used, item) != 0) {
			out->count = 0;
			return -EINVAL;
		}
		text = (struct slice){text.bytes + step, text.length - step};
	}
	return 0;
}
