package signin

import (
	"strings"

	"github.com/mileusna/useragent"

	"countersign/internal/base/message"
)

// describeClient says in words which browser asks, for the phone and the log: "Firefox on Windows". The text is
// the asking side's own and stands among facts on the phone, so what is more than a name is left out.
func describeClient(agent string) string {
	ua := useragent.Parse(agent)
	switch {
	case !namely(ua.Name):
		return ""
	case !namely(ua.OS):
		return ua.Name
	}
	return message.English().Text("client.browser_on_system", "browser", ua.Name, "system", ua.OS)
}

// namely reports one or two words of at most 20 letters, digits and the marks that programs' names hold:
// "Samsung Browser", "python-requests".
func namely(s string) bool {
	const marks = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+- "
	return s != "" && len(s) <= 20 && strings.Count(s, " ") <= 1 && strings.Trim(s, marks) == ""
}
