//! Clicks and the wheel.

use super::move_in;
use crate::ui::Request;
use crate::ui::action::{Motion, Pane};
use crate::ui::canvas::{Target, Targets, target_at};
use crate::ui::model::Model;
use crate::ui::room::Room;
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

/// Rows one notch of the wheel scrolls.
const WHEEL_ROWS: usize = 3;

/// Does what a click or the wheel asks.
pub(in crate::ui) fn on_mouse(
    model: &mut Model,
    room: &Room,
    targets: &Targets,
    mouse: &MouseEvent,
) -> Vec<Request> {
    let mut under = target_at(targets, mouse.column, mouse.row);
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            for target in under {
                match target {
                    Target::Pane(pane) => model.set_focus(pane),
                    Target::View(view) => model.show(view),
                    Target::Step(step) => {
                        model.follow = false;
                        model.select(step);
                    }
                }
            }
            Vec::new()
        }
        MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
            let pane = under.find_map(|t| match t {
                Target::Pane(pane) => Some(pane),
                Target::Step(_) | Target::View(_) => None,
            });
            let motion = if mouse.kind == MouseEventKind::ScrollUp {
                Motion::Up
            } else {
                Motion::Down
            };
            let Some(pane) = pane else { return Vec::new() };
            let mut requests = Vec::new();
            for _ in 0..WHEEL_ROWS {
                if matches!(pane, Pane::Checklist | Pane::Document) {
                    model.scroll(pane).go(motion);
                } else {
                    requests.extend(move_in(model, room, pane, motion));
                }
            }
            requests
        }
        _ => Vec::new(),
    }
}
