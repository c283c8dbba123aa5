package attempt

import (
	"net/url"
	"strings"

	"countersign/internal/base/message"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/transaction"
)

// Reported makes the lines that a phone shows of what a caller says about a sign-in: the name used there, the computer, and
// pushinfo, pairs of name=value written like a query (A-34, AC-035). Nobody has checked them. Nothing of them goes
// unsaid: a long value keeps its start and its end, what does not parse stands as it came, and lines that do not fit
// are counted.
func Reported(c *message.Catalogue, displayName, hostname, pushinfo string) []transaction.Field {
	var all []transaction.Field
	add := func(label, value string) {
		one := transaction.Field{Label: phonewire.OneLine(label, phonewire.MaxLabel), Value: phonewire.BothEnds(value, phonewire.MaxValue)}
		if one.Label == "" {
			one.Label = c.Text("api.info.rest")
		}
		if one.Value != "" {
			all = append(all, one)
		}
	}
	add(c.Text("api.info.user"), displayName)
	add(c.Text("api.info.host"), hostname)
	for pair := range strings.SplitSeq(pushinfo, "&") {
		label, value, named := strings.Cut(pair, "=")
		if !named {
			label, value = "", pair
		}
		switch label = loosely(label); label {
		case "Server IP":
			label = c.Text("api.info.server_ip")
		case "Command":
			label = c.Text("api.info.command")
		}
		add(label, loosely(value))
	}
	if more := len(all) - phonewire.MaxDetails; more > 0 {
		all = append(all[:phonewire.MaxDetails-1], transaction.Field{Label: c.Text("api.info.rest"), Value: c.Text("api.info.more", "n", more+1)})
	}
	return all
}

func loosely(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return plain
}
