//! The map: what stands and falls with the touched components, nearest first, with state and redundancy left.

use super::{Cx, entries, top_pane};
use crate::domain::radius::{Group, Line, Member, Overlap, Posted, Radius, Tone, Wellness};
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use ratatui::layout::Rect;
use std::collections::BTreeMap;

/// Draws the view: what is dangerous first, then the graph, then all that is as it should be or not known.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let radius = cx.room.radius();
    let width = usize::from(area.width.saturating_sub(2));
    let all = all_lines(&radius);
    let (urgent, calm): (Vec<Line>, Vec<Line>) = all.into_iter().partition(Line::is_urgent);
    let mut rows: Vec<Row> = urgent.iter().map(|line| of_line(canvas, line)).collect();
    rows = entries(&rows, area);
    rows.push(heading(
        canvas,
        &format!("touched, and what needs it to depth {}", radius.depth),
    ));
    for (indent, member) in tree(&radius) {
        rows.extend(of_member(canvas, &radius, member, indent, width));
    }
    if let Some(more) = radius.more() {
        rows.push(Row::of("  ", canvas.of(Role::Warn)).text(&more, canvas.of(Role::Warn)));
    }
    if !calm.is_empty() {
        rows.push(heading(canvas, "and else"));
        let calm: Vec<Row> = calm.iter().map(|line| of_line(canvas, line)).collect();
        rows.extend(entries(&calm, area));
    }
    let dependants = radius.dependants().count();
    let dependants = dependants.saturating_add(radius.left_out);
    let extra = Row::new().text(
        &format!(" {dependants} need what is touched"),
        canvas.of(Role::Dim),
    );
    top_pane(model, canvas, area, Pane::Map, extra, &rows);
}

/// Everything there is to say beside the graph.
fn all_lines(radius: &Radius) -> Vec<Line> {
    let groups = radius.groups.iter().map(Group::line);
    let posts = radius.posts.iter().map(Posted::line);
    let others = radius.overlaps.iter().map(Overlap::line);
    let doubts = radius.doubt_lines();
    let mut lines: Vec<Line> = others.chain(groups).chain(posts).chain(doubts).collect();
    lines.sort_by_key(|line| line.tone);
    lines
}

fn heading(canvas: &Canvas<'_>, text: &str) -> Row {
    Row::new().text(text, canvas.of(Role::Title))
}

/// `! left     orders-db (prod): ...`
pub(super) fn of_line(canvas: &Canvas<'_>, line: &Line) -> Row {
    let (sign, role) = match line.tone {
        Tone::Danger => ("! ", Role::Bad),
        Tone::Warn => ("! ", Role::Warn),
        Tone::Unknown => ("? ", Role::Unknown),
        Tone::Plain => ("  ", Role::Text),
    };
    Row::of(sign, canvas.of(role))
        .text(&format!("{:<8}", line.word.as_str()), canvas.of(Role::Dim))
        .text(&line.text, canvas.of(role))
}

/// Members below the first one they need, each once, with how far they are moved in.
fn tree(radius: &Radius) -> Vec<(usize, &Member)> {
    let touched = radius.members.iter().filter(|member| member.distance == 0);
    let mut stack: Vec<&Member> = touched.collect();
    stack.reverse();
    // What a member needs first is one step nearer, so nobody is below two.
    let mut below: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for member in &radius.members {
        if let Some(needed) = member.needs.first() {
            below.entry(needed).or_default().push(member);
        }
    }
    let mut out = Vec::new();
    while let Some(member) = stack.pop() {
        out.push((usize::from(member.distance), member));
        let below = below.remove(member.name.as_str());
        stack.extend(below.into_iter().flatten().rev());
    }
    out
}

/// Name, tier, owner and who is on call, with the state at the end of the row; and a second row where there is more.
fn of_member(
    canvas: &Canvas<'_>,
    radius: &Radius,
    member: &Member,
    indent: usize,
    width: usize,
) -> Vec<Row> {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let room = "   ".repeat(indent.saturating_sub(1));
    let mut row = Row::new().text(&room, dim);
    row = if indent == 0 {
        row.fixed(canvas.look().glyphs.bullet, dim).fixed(" ", dim)
    } else {
        row.fixed("+- ", dim)
    };
    let style = if indent == 0 {
        canvas.of(Role::Strong)
    } else {
        text
    };
    row = row.text(&member.name, style);
    if !member.tier.is_empty() {
        let label = if member.tier.contains("tier") {
            " "
        } else {
            " tier "
        };
        row = row
            .fixed(label, dim)
            .text(&member.tier, canvas.of(Role::Strong));
    }
    if !member.owner.is_empty() {
        row = row
            .fixed(" ", dim)
            .text(&member.owner, canvas.of(Role::Person));
    }
    row = match member.on_call.as_slice() {
        [] => row.fixed(", on call: nobody known", dim),
        people => row.fixed(", on call: ", dim).text(&people.join(", "), text),
    };
    let wellness = member.live.wellness;
    let state = Row::of(" ", dim).fixed(wellness.as_str(), canvas.of(role_of(wellness)));
    let mut rows = vec![row.with_right(state, width, canvas.signs())];
    let mut more = Vec::new();
    let said = member.state_words();
    if said != wellness.as_str() {
        more.push(said);
    }
    let left = radius
        .groups
        .iter()
        .find(|group| group.touched.contains(&member.name));
    if let Some(group) = left {
        more.push(format!(
            "{} of {} {} left",
            group.left,
            group.total,
            group.name()
        ));
    }
    if member.needs.len() > 1 {
        let others = member.needs.get(1..).unwrap_or_default().join(", ");
        more.push(format!("also needs {others}"));
    }
    if !more.is_empty() {
        let row = Row::new().text(&format!("{room}     "), dim);
        let row = row.text(&more.join("; "), canvas.of(role_of(wellness)));
        rows.push(row.fit(width, canvas.signs()));
    }
    rows
}

const fn role_of(wellness: Wellness) -> Role {
    match wellness {
        Wellness::Serving => Role::Good,
        Wellness::Quiet => Role::Text,
        Wellness::Unknown => Role::Unknown,
        Wellness::Impaired => Role::Bad,
        Wellness::Out => Role::Warn,
    }
}
