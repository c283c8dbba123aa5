package web

import (
	"html/template"
	"text/template/parse"
)

// fold replaces every action of a template whose result is always the same in one language by that result: a sentence
// without values ({{t "code.title"}}), an icon, the address of an asset. Executing these costs more than the rest of a
// small page. A call that fails is not replaced, and fails when the page is shown.
func (p *Renderer) fold(list *parse.ListNode, w Words) {
	if list == nil {
		return
	}
	for i, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			if text, ok := p.constant(n.Pipe, w); ok {
				list.Nodes[i] = &parse.TextNode{NodeType: parse.NodeText, Pos: n.Pos, Text: []byte(text)}
			}
		case *parse.IfNode:
			p.fold(n.List, w)
			p.fold(n.ElseList, w)
		case *parse.WithNode:
			p.fold(n.List, w)
			p.fold(n.ElseList, w)
		case *parse.RangeNode:
			p.fold(n.List, w)
			p.fold(n.ElseList, w)
		}
	}
}

// constant returns the result of a call with no argument or one constant argument, as HTML. It is the same in text and in
// a quoted attribute; templates use these functions nowhere else.
func (p *Renderer) constant(pipe *parse.PipeNode, w Words) (string, bool) {
	if len(pipe.Decl) > 0 || len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) > 2 {
		return "", false
	}
	name, ok := pipe.Cmds[0].Args[0].(*parse.IdentifierNode)
	if !ok {
		return "", false
	}
	if len(pipe.Cmds[0].Args) == 1 {
		return string(mark), name.Ident == "mark"
	}
	arg, ok := pipe.Cmds[0].Args[1].(*parse.StringNode)
	if !ok {
		return "", false
	}
	switch name.Ident {
	case "t":
		return string(w.T(arg.Text)), true
	case "s":
		return template.HTMLEscapeString(w.S(arg.Text)), true
	case "icon":
		return string(Icon(arg.Text)), true
	case "asset":
		path, err := p.cfg.Assets.Path(arg.Text)
		return template.HTMLEscapeString(path), err == nil
	}
	return "", false
}
