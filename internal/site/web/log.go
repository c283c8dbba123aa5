package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// RequestLog writes one line for each request: method, route pattern (never the path), status, duration, bytes, request
// id and client address. It contains no query, cookie, body or token (AC-055).
type RequestLog struct {
	Log     *slog.Logger
	Now     func() time.Time
	Rand    io.Reader      // for request ids
	Trusted []netip.Prefix // proxies whose X-Forwarded-For is believed
}

// record is the part of a log line that the handlers inside share.
type record struct {
	id      string
	pattern string
	client  netip.Addr
}

type recordKey struct{}

func recordOf(ctx context.Context) *record {
	if rec, ok := ctx.Value(recordKey{}).(*record); ok {
		return rec
	}
	return &record{}
}

// RequestID returns the reference of a request, such as Q7KX-44M8, which stands on message pages and in the log. It is ""
// outside the request log.
func RequestID(ctx context.Context) string { return recordOf(ctx).id }

// Client returns the client's address as ClientIP has found it, the zero Addr outside the request log.
func Client(ctx context.Context) netip.Addr { return recordOf(ctx).client }

// Wrap logs every request that next answers.
func (l RequestLog) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := l.Now()
		rec := &record{id: l.reference(), client: ClientIP(r, l.Trusted)}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, rec))
		cw := &countingWriter{ResponseWriter: w}
		defer func() {
			if rec.pattern == "" {
				rec.pattern = r.Pattern
			}
			l.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("method", r.Method), slog.String("route", rec.pattern),
				slog.Int("status", cw.status()), slog.Duration("took", l.Now().Sub(start)),
				slog.Int64("bytes", cw.bytes), slog.String("id", rec.id), slog.String("client", rec.client.String()))
		}()
		next.ServeHTTP(cw, r)
	})
}

// crockford is an alphabet without letters that look like digits.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func (l RequestLog) reference() string {
	var raw [8]byte
	if _, err := io.ReadFull(l.Rand, raw[:]); err != nil {
		return "----"
	}
	var b strings.Builder
	for i, c := range raw {
		if i == 4 {
			b.WriteByte('-')
		}
		b.WriteByte(crockford[c%32])
	}
	return b.String()
}

// countingWriter keeps the status and counts the bytes of an answer.
type countingWriter struct {
	http.ResponseWriter
	code  int
	bytes int64
}

func (c *countingWriter) status() int {
	if c.code == 0 {
		return http.StatusOK
	}
	return c.code
}

// WriteHeader keeps the first status that is not informational (1xx).
func (c *countingWriter) WriteHeader(code int) {
	if c.code == 0 && code >= 200 {
		c.code = code
	}
	c.ResponseWriter.WriteHeader(code)
}

// Write counts the bytes.
func (c *countingWriter) Write(b []byte) (int, error) {
	if c.code == 0 {
		c.code = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the real writer.
func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
