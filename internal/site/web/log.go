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

// RequestLog writes one line a request: method, route pattern (never the path), status, time,
// bytes, request id and client address. No query string, cookie, body or token (AC-055).
type RequestLog struct {
	Log     *slog.Logger
	Now     func() time.Time
	Rand    io.Reader      // for request ids
	Trusted []netip.Prefix // proxies whose X-Forwarded-For counts
}

// record is what the layers below add to the log line.
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

// RequestID is the reference of this request as pages show it and the log has it: Q7KX-44M8.
func RequestID(ctx context.Context) string { return recordOf(ctx).id }

// Client is the address found by the request log, the zero Addr outside it.
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

// crockford has no letters that read as digits.
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

// countingWriter remembers status and size.
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

// WriteHeader notes the first final status.
func (c *countingWriter) WriteHeader(code int) {
	if c.code == 0 && code >= 200 {
		c.code = code
	}
	c.ResponseWriter.WriteHeader(code)
}

// Write counts.
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
