//! The service address goes with the gates, and holds nothing up.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_service_address_is_held_for_less_than_the_right_and_announced_again_after_a_heal() {
    let slow = Arc::new(Slow::default());
    let (mut work, _said) = site(&slow);
    let addresses = || slow.done().into_iter().filter(|did| did.contains("address")).collect::<Vec<_>>();
    work.carry_out(vec![open(Right::For(Duration::from_secs(60)))], Moment::from_nanos(1)).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let told = addresses();
    assert_eq!(told.iter().filter(|did| *did == "address announced").count(), 4, "{told:?}");
    assert!(told.iter().all(|did| ["address held 59", "address announced"].contains(&did.as_str())), "{told:?}");

    work.heard_from(Voter::Monitor(Site::Alternate));
    tokio::time::sleep(Duration::from_millis(900)).await;
    work.heard_from(Voter::Monitor(Site::Alternate));
    soon().await;
    assert_eq!(addresses().iter().filter(|did| *did == "address announced").count(), 4, "it was never silent");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    work.heard_from(Voter::Monitor(Site::Alternate));
    soon().await;
    assert_eq!(addresses().iter().filter(|did| *did == "address announced").count(), 5);

    work.carry_out(vec![close()], Moment::from_nanos(1)).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(addresses().last().unwrap(), "address given up");
    assert_eq!(addresses().iter().filter(|did| *did == "address announced").count(), 5, "and announced no more");
    assert_eq!(work.events.1.try_recv().unwrap(), Event::Closed { ticket: 2, verified: false });
}

#[tokio::test(start_paused = true)]
async fn a_site_that_still_holds_the_service_address_is_not_proved_to_be_blocked() {
    for keeps_address in [true, false] {
        let slow = Arc::new(Slow { held: true, keeps_address, ..Slow::default() });
        let (mut work, _said) = site(&slow);
        work.carry_out(vec![open(Right::Standing), close()], Moment::from_nanos(1)).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(work.events.1.try_recv().unwrap(), Event::Closed { ticket: 2, verified: !keeps_address });
    }
}

#[tokio::test(start_paused = true)]
async fn a_block_waits_for_no_service_address_that_is_still_being_held() {
    let slow = Arc::new(Slow { held: true, hangs_address: true, ..Slow::default() });
    let (mut work, _said) = site(&slow);
    work.carry_out(vec![open(Right::For(Duration::from_secs(60)))], Moment::from_nanos(1)).await;
    soon().await;
    work.carry_out(vec![close()], Moment::from_nanos(1)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(work.events.1.try_recv(), Ok(Event::Closed { ticket: 2, verified: true }), "{:?}", slow.done());
}

#[tokio::test(start_paused = true)]
async fn a_right_too_short_for_the_service_address_is_told_once() {
    let slow = Arc::new(Slow::default());
    let (mut work, mut said) = site(&slow);
    for _ in 0..3 {
        work.carry_out(vec![open(Right::For(Duration::from_millis(1_200)))], Moment::from_nanos(1)).await;
        soon().await;
    }
    let told = std::iter::from_fn(|| said.try_recv().ok()).filter(|line| line.contains("service address"));
    assert_eq!(told.collect::<Vec<_>>().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_block_is_whole_only_once_the_service_address_is_gone_and_that_is_said() {
    for keeps_address in [true, false] {
        let slow = Arc::new(Slow { held: true, keeps_address, ..Slow::default() });
        let (mut work, mut said) = site(&slow);
        work.carry_out(vec![open(Right::Standing), close()], Moment::from_nanos(1)).await;
        let looks = work.site.as_ref().unwrap().look_on(work.events.0.clone());
        tokio::time::sleep(Duration::from_secs(3)).await;
        looks.abort();
        let mut events = std::iter::from_fn(|| work.events.1.try_recv().ok());
        assert_eq!(events.any(|event| event == Event::GateWhole), !keeps_address);
        let mut lines = std::iter::from_fn(|| said.try_recv().ok());
        assert_eq!(lines.any(|line| line.contains("every server is blocked, but")), keeps_address);
    }
}
