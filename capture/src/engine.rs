//! Takes orders, holds the run.

use std::sync::Arc;

use model::Clock;
use model::wire::v1::{FailureKind, Order, Report, Start, VERSION};

use crate::failure::failure;
use crate::outbox::{Outbox, Patience};
use crate::run::Run;

/// Whether the engine wants more orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It does.
    Order,
    /// It leaves.
    Leave,
}

/// Takes orders; at most one run at a time.
pub(crate) struct Engine {
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    run: Option<Run>,
}

impl Engine {
    /// Makes an engine and says hello.
    pub(crate) fn new(clock: Arc<dyn Clock>, outbox: Arc<Outbox>) -> Self {
        outbox.put(Report::Hello { version: VERSION }, Patience::None);
        Self { clock, outbox, run: None }
    }

    /// Follows an order.
    pub(crate) fn follow(&mut self, order: Order) -> Next {
        match order {
            Order::Start(start) => self.start(start),
            Order::Stop => {
                if let Some(run) = &self.run {
                    run.stop();
                }
            }
            Order::Leave => return Next::Leave,
        }
        Next::Order
    }

    /// Ends the run, waits for it and closes the outbox.
    pub(crate) fn leave(&mut self) {
        if let Some(run) = self.run.take() {
            run.stop();
            run.join();
        }
        self.outbox.close();
    }

    fn start(&mut self, start: Start) {
        if let Some(run) = self.run.take() {
            if !run.is_over() {
                self.run = Some(run);
                let why =
                    failure(FailureKind::Busy, "a session is running; stop it before you start another");
                self.outbox.put(Report::Refused { run: start.run, why }, Patience::None);
                return;
            }
            run.join();
        }
        let number = start.run;
        match Run::begin(start, self.clock.clone(), self.outbox.clone()) {
            Ok(run) => self.run = Some(run),
            Err(why) => self.outbox.put(Report::Refused { run: number, why }, Patience::None),
        }
    }
}
