package post

import (
	"context"

	"chancery.example/chancery/directory"
)

// Enter takes statements that carry their own authority into this post's directory: what two administrators issued, a suspension, a
// letter key. It checks them as Adopt does, and says how many statements the post knows now and whether any is new here.
func (p *Post) Enter(ctx context.Context, statements ...directory.Statement) (total int64, fresh bool, err error) {
	v, err := p.current()
	if err != nil {
		return 0, false, err
	}
	var news []directory.Statement
	for _, s := range statements {
		if !v.dir.Has(s) {
			news = append(news, s)
		}
	}
	d, err := v.dir.Enter(news...)
	if err != nil {
		return 0, false, err
	}
	return p.adopt(ctx, d)
}
