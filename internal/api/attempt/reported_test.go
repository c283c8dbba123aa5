package attempt_test

import (
	"fmt"
	"strings"
	"testing"

	"countersign/internal/api/attempt"
	"countersign/internal/base/message"
)

// the phone shows what a host tells; whoever approves must see that something was left out, and the end of a
// command is where the harm is.
func TestNothingThatIsReportedGoesUnsaid(t *testing.T) {
	long := strings.Repeat("A", 300)
	for _, c := range []struct{ name, host, info, want string }{
		{"", "web1", "Server+IP=10.0.0.5&Command=", "Computer=web1|Its address=10.0.0.5"},
		{"Ana A.", "web1", "from=a%26b&to=caf%C3%A9%00%0Ax", "Name used there=Ana A.|Computer=web1|from=a&b|to=café x"},
		{"", "", "Command=id&rm -rf /", "Command=id|And=rm -rf /"},
		{"", "", "Command=id%zz&=x&&a", "Command=id%zz|And=x|And=a"},
		{"", "", "Command=echo+" + long + "%3B+rm+-rf+/", "Command=echo " + strings.Repeat("A", 144) + " … " + strings.Repeat("A", 138) + "; rm -rf /"},
		{"", strings.Repeat("h", 400) + ".example", "", "Computer=" + strings.Repeat("h", 149) + " … " + strings.Repeat("h", 140) + ".example"},
		{"", "", strings.Repeat("n", 60) + "=x", strings.Repeat("n", 39) + "…=x"},
		{"", "", "Command=a\x1b[2J\u202eb\xff", "Command=a [2J b\uFFFD"},
		{"n", "h", strings.Repeat("a=b&", 8) + "c=", "Name used there=n|Computer=h" + strings.Repeat("|a=b", 8)},
		{"n", "h", strings.Repeat("a=b&", 9) + "c=d", "Name used there=n|Computer=h" + strings.Repeat("|a=b", 7) + "|And=3 more lines that do not fit here"},
	} {
		var lines []string
		for _, f := range attempt.Reported(message.English(), c.name, c.host, c.info) {
			lines = append(lines, fmt.Sprintf("%s=%s", f.Label, f.Value))
		}
		if got := strings.Join(lines, "|"); got != c.want {
			t.Errorf("%.40q\n got %s\nwant %s", c.info, got, c.want)
		}
	}
}
