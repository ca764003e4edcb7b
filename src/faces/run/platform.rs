//! `platform`: lists, shows and checks profiles.

use std::path::Path;

use serde_json::{Value, json};

use super::{Run, SCHEMA};
use crate::domain::platform::Platform as Profile;
use crate::domain::site::Site;
use crate::faces::cli::Platform;
use crate::faces::failure::{Exit, Failure};
use crate::flows::platform_check;

impl Run<'_> {
    pub(super) async fn platform(&mut self, what: Platform) -> Result<(), Failure> {
        match what {
            Platform::List => {
                let names = self.ports.documents.platform_names();
                let rows: Vec<(String, String)> = names
                    .into_iter()
                    .map(|name| {
                        let title = self.ports.documents.platform(&name).map_or("is not right".into(), |p| p.title);
                        (name, title)
                    })
                    .collect();
                let text: Vec<String> = rows.iter().map(|(name, title)| format!("{name:<12} {title}\n")).collect();
                let list: Vec<Value> = rows.iter().map(|(name, title)| json!({"name": name, "title": title})).collect();
                self.emit(&json!({"schema": SCHEMA, "platforms": list}), &text.concat())
            }
            Platform::Show { name } => {
                let told = |problems: Vec<String>| Failure::new(Exit::BadInput, problems.join("\n"));
                let text = self.ports.documents.platform_text(&name).map_err(told)?;
                self.emit(&json!({"schema": SCHEMA, "name": name, "text": text}), &text)
            }
            Platform::Check { file, site } => self.check_platform(&file, site).await,
        }
    }

    async fn check_platform(&mut self, file: &Path, site: Option<Site>) -> Result<(), Failure> {
        let profile: Profile = match self.ports.documents.check_platform(file) {
            Ok(profile) => profile,
            Err(problems) => return self.tell_problems(&problems, "the profile is not right"),
        };
        let Some(site) = site else {
            let document = json!({"schema": SCHEMA, "platform": profile.name, "problems": []});
            return self.emit(&document, &format!("{} is right: {}\n", profile.name, profile.title));
        };
        let understood = platform_check::run(self.ports, profile, site).await?;
        let text: Vec<String> = understood.iter().map(|(fact, told)| format!("{fact:<16} {told}\n")).collect();
        let facts: Vec<Value> = understood.iter().map(|(fact, told)| json!({"fact": fact, "told": told})).collect();
        self.emit(&json!({"schema": SCHEMA, "site": site, "facts": facts}), &text.concat())
    }
}
