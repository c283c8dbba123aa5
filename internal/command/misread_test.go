package command

import (
	"strings"
	"testing"
)

// A mistake is explained in the words of the program, not of its parser, with the command line that prints the help.
func TestAMistakeInACommandIsSaidInPlainWords(t *testing.T) {
	s := newShell(t)
	for _, c := range []struct{ args, says string }{
		{"app", "one of these is missing: add, list, show, set, reset-secret, hosts, forget-browsers, delete. See: countersign app --help"},
		{"app add", "missing: --name=NAME. See: countersign app add --help"},
		{"app add --name", "--name needs a value. See: countersign app add --help"},
		{"app add --name X --type foo", `--type is one of "websdk", "websdk2", "authapi", "unix", not "foo". See: countersign app add --help`},
		{"app add --nme X", `unknown flag --nme, did you mean "--name". See: countersign app add --help`},
		{"app add --name X --number-entry 9", `--number-entry is off or 3 to 6, not "9". See: countersign app add --help`},
		{"app set X --no-disabled=foo", `expected yes or no, not "foo". See: countersign app set --help`},
		{"user set ana --status foo", `--status is one of "active", "bypass", "disabled", "pending-deletion", not "foo". See: countersign user set --help`},
		{"user show", "missing: <name>. See: countersign user show --help"},
		{"user bypass-code ana --uses -1", "--uses does not take -1. See: countersign user bypass-code --help"},
		{"user bypass-code ana --uses some", `--uses: expected a whole number, not "some". See: countersign user bypass-code --help`},
		{"bogus", "unexpected argument bogus. See: countersign --help"},
	} {
		code, out, bad := s.run(strings.Fields(c.args)...)
		if code != exitUsage || out != "" || bad != "countersign: "+c.says+"\n" {
			t.Errorf("%s: exit %d: %s%s", c.args, code, out, bad)
		}
	}
}
