package command

import (
	"strconv"
	"time"

	"countersign/internal/base/secret"
	"countersign/internal/domain/user"
	"countersign/internal/flow/directory"
)

// userBypassCode is `countersign user bypass-code`: it makes a bypass code for a person, writes a row of the
// administrator log and prints the code, which cannot be shown again. Earlier codes of the person end, unless
// --preserve-existing is given. Errors: user.ErrUnknown, and ErrTrashed, ErrCode, ErrCodeExists, ErrUses and ErrLife of
// the directory.
type userBypassCode struct {
	Name             string `arg:"" help:"User name or ID."`
	Uses             int    `default:"1" help:"How often it works; 0 is no limit."`
	ValidSecs        int64  `default:"3600" help:"How many seconds it works; 0 is for ever."`
	Code             string `help:"Own code of 6 to 16 digits instead of a random one." placeholder:"DIGITS"`
	PreserveExisting bool   `help:"Keep earlier codes; without it the new code replaces them."`
}

func (c *userBypassCode) Run(r *run) error {
	const century = 100 * 365 * 24 * 3600
	if c.Uses < 0 || c.ValidSecs < 0 || c.ValidSecs > century {
		return usagef("--uses and --valid-secs are 0 or more, and a hundred years at most")
	}
	return r.open(func(in *instance) error {
		code, err := in.MakeBypassCode(r.ctx, directory.CommandLine, c.Name, directory.BypassRequest{
			Code: secret.NewText(c.Code), Uses: c.Uses, Life: time.Duration(c.ValidSecs) * time.Second,
			PreserveExisting: c.PreserveExisting,
		})
		if err != nil {
			return err
		}
		doc := bypassDoc{ID: code.ID, Code: code.Code.Reveal(), Username: code.User.Username, Uses: code.Uses, Expires: stamp(code.Expires)}
		return r.show(doc, func(p *page) {
			p.fields("bypass_code", doc.Code, "username", doc.Username, "uses", usesText(code.Uses), "expires", expiresText(code.Expires))
			p.line("user.code_once")
			if code.User.Status == user.LockedOut || code.User.Status == user.Disabled {
				p.line("user.code_status", "status", code.User.Status, "name", cell(code.User.Username))
			}
		})
	})
}

// usesText prints how often a code works; 0 means without limit.
func usesText(n int) string {
	if n == 0 {
		return label("unlimited")
	}
	return strconv.Itoa(n)
}
