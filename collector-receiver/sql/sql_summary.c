/* Read as much of SQL's grammar as operations and their targets take. */
#include "sql/sql_summary.h"

#include <stdint.h>

#include "sql/sql_keywords.h"

enum expect {
	EXPECT_NOTHING,
	EXPECT_TARGET,
	EXPECT_KIND, /* behind CREATE, ALTER, DROP */
};

/* What is between a pair of parentheses, or around them all. */
struct level {
	enum sql_keyword operation; /* SQL_NO_KEYWORD: an expression, or a list of columns */
	enum expect expect;
	bool is_list;	 /* targets with commas between them */
	bool ends_there; /* behind the target comes a program */
};

/* What stood before a word, as far as it tells whether the word begins an operation. */
enum before {
	BEFORE_STATEMENT, /* nothing of this statement */
	BEFORE_EXPLAINED,
	BEFORE_CTE,   /* AS ( */
	BEFORE_CLOSE, /* ) */
	BEFORE_OTHER,
};

struct summary {
	char *out;
	size_t length;
	bool full;
	bool misfit; /* a token does not fit: there is no summary */
};

struct parser {
	struct summary *summary;
	struct level levels[SQL_SUMMARY_DEPTH];
	uint32_t depth;	     /* of parentheses; may be beyond the levels */
	struct slice target; /* not written yet: "." and more may follow */
	enum before before;
	enum sql_keyword last; /* word, SQL_NO_KEYWORD if it was another token */
	bool is_prefixed;      /* WITH or EXPLAIN: an operation may follow ")" */
	bool done;	       /* nothing more of interest until the next statement */
	bool any;	       /* token */
};

/* Whole parts only, so that neither an operation nor a target is cut. */
static void add(struct summary *summary, struct slice part)
{
	size_t blank = summary->length > 0 ? 1 : 0;

	if (summary->full || part.length + blank > SQL_SUMMARY_MAX - summary->length) {
		summary->full = true;
		return;
	}
	if (blank != 0)
		summary->out[summary->length] = ' ';
	memcpy(summary->out + summary->length + blank, part.bytes, part.length);
	summary->length += blank + part.length;
}

/* --- targets ------------------------------------------------------------------------------------------------------ */

static bool continues_target(const struct parser *p, const struct sql_token *token)
{
	if (p->target.length == 0 || token->text.bytes != p->target.bytes + p->target.length)
		return false;
	bool after_dot = p->target.bytes[p->target.length - 1] == '.';

	if (token->kind == SQL_PUNCTUATION)
		return token->text.bytes[0] == '.' && !after_dot;
	return after_dot && (token->kind == SQL_WORD || token->kind == SQL_QUOTED_NAME);
}

/* A name whose last part is missing, or not known whole, is none. */
static void finish_target(struct parser *p, bool is_whole)
{
	if (p->target.length > 0 && is_whole && p->target.bytes[p->target.length - 1] != '.')
		add(p->summary, p->target);
	p->target.length = 0;
}

static void take_target(struct parser *p, struct level *level, const struct sql_token *token)
{
	level->expect = EXPECT_NOTHING;
	if (!token->unfinished)
		p->target = token->text;
	p->done = level->ends_there;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static bool may_begin(const struct parser *p)
{
	switch (p->before) {
	case BEFORE_STATEMENT:
	case BEFORE_EXPLAINED:
	case BEFORE_CTE:
		return true;
	case BEFORE_CLOSE:
		return p->is_prefixed;
	case BEFORE_OTHER:
		break;
	}
	return false;
}

static void begin_operation(struct parser *p, struct level *level, enum sql_keyword keyword, struct slice word)
{
	bool awaits_target = keyword == SQL_INSERT || keyword == SQL_UPDATE || keyword == SQL_CALL;

	add(p->summary, word);
	*level = (struct level){
		.operation = keyword,
		.expect = awaits_target		  ? EXPECT_TARGET
			  : keyword == SQL_DEFINE ? EXPECT_KIND
						  : EXPECT_NOTHING,
		.is_list = keyword == SQL_UPDATE || sql_word_is(word, "DROP") || sql_word_is(word, "TRUNCATE"),
	};
}

static void take_kind(struct parser *p, struct level *level, enum sql_keyword keyword, struct slice word)
{
	if (keyword != SQL_KIND && keyword != SQL_BODY_KIND)
		return;
	add(p->summary, word);
	level->expect = EXPECT_TARGET;
	level->ends_there = keyword == SQL_BODY_KIND;
}

static bool has_tables(const struct level *level)
{
	return level->operation == SQL_SELECT || level->operation == SQL_DELETE || level->operation == SQL_UPDATE;
}

/* FROM, JOIN and USING, where tables follow: not EXTRACT(DAY FROM x), not IS DISTINCT FROM, not JOIN t USING (x). */
static void expect_table(struct parser *p, struct level *level, enum sql_keyword keyword)
{
	if (keyword == SQL_FROM && (!has_tables(level) || p->last == SQL_DISTINCT))
		return;
	if (keyword == SQL_JOIN && !has_tables(level))
		return;
	if (keyword == SQL_USING && level->operation != SQL_DELETE && level->operation != SQL_INSERT)
		return;
	level->expect = EXPECT_TARGET;
	level->is_list = true;
}

/* The first word of a statement decides: one that is not known makes no summary. */
static void begin_statement(struct parser *p, struct level *level, enum sql_keyword keyword, struct slice word)
{
	switch (keyword) {
	case SQL_STATEMENT:
		add(p->summary, word);
		p->done = true;
		break;
	case SQL_EXPLAIN:
		add(p->summary, word);
		p->is_prefixed = true;
		break;
	case SQL_WITH:
		p->is_prefixed = true;
		break;
	case SQL_SELECT:
	case SQL_INSERT:
	case SQL_UPDATE:
	case SQL_DELETE:
	case SQL_DEFINE:
	case SQL_CALL:
		begin_operation(p, level, keyword, word);
		break;
	default:
		p->done = true;
		break;
	}
}

static void take_keyword(struct parser *p, struct level *level, enum sql_keyword keyword, struct slice word)
{
	switch (keyword) {
	case SQL_SELECT:
		begin_operation(p, level, keyword, word);
		break;
	case SQL_INSERT:
	case SQL_UPDATE:
	case SQL_DELETE:
	case SQL_DEFINE:
	case SQL_CALL:
		if (may_begin(p))
			begin_operation(p, level, keyword, word);
		break;
	case SQL_FROM:
	case SQL_JOIN:
	case SQL_USING:
		expect_table(p, level, keyword);
		break;
	case SQL_STATEMENT: /* SET, VALUES */
	case SQL_CLAUSE:
		level->expect = EXPECT_NOTHING;
		level->is_list = false;
		break;
	default:
		break;
	}
}

static bool may_be_name(enum sql_keyword keyword)
{
	return keyword != SQL_FILLER && keyword != SQL_STATEMENT && keyword != SQL_CLAUSE;
}

static void take_word(struct parser *p, struct level *level, const struct sql_token *token)
{
	enum sql_keyword keyword = token->kind == SQL_WORD ? sql_keyword_of(token->text) : SQL_NO_KEYWORD;

	if (p->before == BEFORE_STATEMENT)
		begin_statement(p, level, keyword, token->text);
	else if (level->expect == EXPECT_KIND)
		take_kind(p, level, keyword, token->text);
	else if (level->expect == EXPECT_TARGET && keyword == SQL_KIND && level->operation == SQL_CALL)
		add(p->summary, token->text); /* TRUNCATE TABLE */
	else if (level->expect == EXPECT_TARGET && keyword == SQL_SELECT)
		begin_operation(p, level, keyword, token->text);
	else if (level->expect == EXPECT_TARGET && may_be_name(keyword))
		take_target(p, level, token);
	else
		take_keyword(p, level, keyword, token->text);
	p->before = keyword == SQL_EXPLAIN && p->before <= BEFORE_EXPLAINED ? BEFORE_EXPLAINED : BEFORE_OTHER;
	p->last = keyword;
}

/* --- parentheses -------------------------------------------------------------------------------------------------- */

/* What a table is expected in is a list of tables, or a SELECT that replaces this. */
static void open_level(struct parser *p, struct level *level)
{
	bool is_table = level->expect == EXPECT_TARGET && (has_tables(level) || level->operation == SQL_INSERT);

	level->expect = level->expect == EXPECT_TARGET ? EXPECT_NOTHING : level->expect;
	if (++p->depth < SQL_SUMMARY_DEPTH)
		p->levels[p->depth] = (struct level){
			.operation = is_table ? SQL_SELECT : SQL_NO_KEYWORD,
			.expect = is_table ? EXPECT_TARGET : EXPECT_NOTHING,
			.is_list = is_table,
		};
	if (p->before != BEFORE_STATEMENT)
		p->before = p->last == SQL_AS ? BEFORE_CTE : BEFORE_OTHER;
}

static void take_punctuation(struct parser *p, struct level *level, char c)
{
	if (c == '(') {
		open_level(p, level);
	} else {
		if (c == ')' && p->depth > 0)
			p->depth--;
		if (c == ',' && level->is_list)
			level->expect = EXPECT_TARGET;
		if (p->before != BEFORE_STATEMENT) /* {call p} */
			p->before = c == ')' ? BEFORE_CLOSE : BEFORE_OTHER;
	}
	p->last = SQL_NO_KEYWORD;
}

static void take_token(struct parser *p, const struct sql_token *token)
{
	struct level *level = &p->levels[p->depth < SQL_SUMMARY_DEPTH ? p->depth : SQL_SUMMARY_DEPTH - 1];
	bool is_beyond = p->depth >= SQL_SUMMARY_DEPTH;

	if (continues_target(p, token)) {
		p->target.length += token->text.length;
		if (token->unfinished)
			finish_target(p, false);
		return;
	}
	finish_target(p, true);
	p->any = true;
	if (is_beyond && token->kind == SQL_PUNCTUATION)
		p->depth += token->text.bytes[0] == '(' ? 1 : token->text.bytes[0] == ')' ? -1 : 0;
	if (p->done || is_beyond)
		return;
	if (token->kind == SQL_WORD || token->kind == SQL_QUOTED_NAME) {
		take_word(p, level, token);
	} else if (token->kind == SQL_PUNCTUATION) {
		take_punctuation(p, level, token->text.bytes[0]);
	} else {
		level->expect = level->expect == EXPECT_TARGET ? EXPECT_NOTHING : level->expect;
		p->before = BEFORE_OTHER;
		p->last = SQL_NO_KEYWORD;
	}
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static bool is_semicolon(const struct sql_token *token)
{
	return token->kind == SQL_PUNCTUATION && token->text.bytes[0] == ';';
}

/* Summarise up to a semicolon or the end. False if there was nothing but blanks. */
static bool summarise_statement(struct sql_lexer *lexer, struct summary *summary)
{
	struct parser p = {.summary = summary};
	struct sql_token token = sql_lexer_next(lexer);

	for (; token.kind != SQL_END && !is_semicolon(&token); token = sql_lexer_next(lexer)) {
		summary->misfit |= !sql_token_fits(lexer, &token);
		if (token.kind != SQL_SPACE && token.kind != SQL_COMMENT)
			take_token(&p, &token);
	}
	finish_target(&p, true);
	return p.any;
}

/* BATCH, and the summary of the first statement if it is that of all. */
static size_t summarise_batch(struct sql_lexer *lexer, char *out)
{
	char first_bytes[SQL_SUMMARY_MAX], next_bytes[SQL_SUMMARY_MAX];
	struct summary first = {.out = first_bytes};
	struct summary batch = {.out = out};
	bool is_same = !lexer->cut;

	(void)summarise_statement(lexer, &first);
	while (is_same && lexer->at < lexer->end) {
		struct summary next = {.out = next_bytes};

		if (summarise_statement(lexer, &next))
			is_same = !next.misfit && slice_equal((struct slice){first.out, first.length},
							      (struct slice){next.out, next.length});
	}
	add(&batch, SLICE_LITERAL("BATCH"));
	if (is_same && first.length > 0 && !first.misfit)
		add(&batch, (struct slice){first.out, first.length});
	return batch.length;
}

size_t sql_summary(const struct sql_text *text, bool is_batch, char *out)
{
	struct sql_lexer lexer = sql_lexer_open(text);
	struct summary summary = {.out = out};

	if (is_batch)
		return summarise_batch(&lexer, out);
	while (lexer.at < lexer.end)
		(void)summarise_statement(&lexer, &summary);
	return summary.misfit ? 0 : summary.length;
}
