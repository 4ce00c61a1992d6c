use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::client::{Client, parse_json};
use super::error::Error;
use super::expectation::{ENROLLMENT, Expectation};
use super::pages::PagedRequest;
use super::request::Request;
use super::transport::Response;
use crate::model::{Enrollment, Metadata, Resource, Ttl};

#[derive(Debug, Clone, Default)]
pub(crate) struct EnrollmentFilter {
    pub location_id: Option<String>,
    /// All of them must match; at most five (documented).
    pub metadata: Metadata,
    /// The API's default is true (documented).
    pub include_consumed: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct NewEnrollment {
    /// Required unless the account has exactly one location (observed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
    #[serde(skip)]
    pub expires_in: Duration,
    /// Copied to the device (documented).
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

#[derive(Debug)]
pub(crate) struct CreatedEnrollment {
    pub enrollment: Resource<Enrollment>,
    /// The fixed lifetime that was requested in place of `expires_in`.
    pub ttl: Option<Ttl>,
}

pub(crate) fn withdraw_request(id: &str) -> Request {
    Request::ipp(Method::DELETE, &["enrollments", id])
        .expect_response(Expectation::of_if_named(ENROLLMENT, &id))
}

impl Client {
    /// Withdrawn enrollments are never listed (documented).
    pub(crate) fn enrollments(&self, filter: &EnrollmentFilter) -> PagedRequest<'_> {
        let mut list = Request::ipp(Method::GET, &["enrollments"])
            .query_opt("location_id", filter.location_id.as_deref());
        for (key, value) in &filter.metadata {
            list = list.query("metadata", format!("{key}:{value}"));
        }
        if let Some(include) = filter.include_consumed {
            list = list.query("include_consumed", include.to_string());
        }
        let location_id = filter.location_id.as_deref();
        PagedRequest::new(self, list.expect_response(Expectation::items("location_id", location_id)))
    }

    pub(crate) async fn create_enrollment(&self, new: &NewEnrollment) -> Result<CreatedEnrollment, Error> {
        let (request, response, ttl) = self.enroll(new).await?;
        let enrollment = parse_json(&request, &response, Resource::from_json)?;
        Ok(CreatedEnrollment { enrollment, ttl })
    }

    /// `POST /ipp/v1/enrollments` with `expires_in` in milliseconds (documented). Only if the response is a 400 that
    /// names `ttl` (observed), a second request has the shortest `ttl` that covers `expires_in`. This is safe because
    /// a rejected request creates nothing.
    pub(crate) async fn enroll(
        &self,
        new: &NewEnrollment,
    ) -> Result<(Request, Response, Option<Ttl>), Error> {
        let build_request = |field: &str, value: Value| {
            let mut body = json!(new);
            body[field] = value;
            let request = Request::ipp(Method::POST, &["enrollments"]).json(&body);
            request.expect_created(Expectation::created(ENROLLMENT), &["expires_in", "ttl"])
        };
        let millis = u64::try_from(new.expires_in.as_millis()).unwrap_or(u64::MAX);
        let request = build_request("expires_in", millis.into());
        let error = match self.send(&request).await {
            Ok(response) => return Ok((request, response, None)),
            Err(error) => error,
        };
        let names_ttl = error.status() == Some(400)
            && error.problem().is_some_and(|problem| problem.errors.contains_key("ttl"));
        match Ttl::covering(new.expires_in) {
            Some(ttl) if names_ttl => {
                let request = build_request("ttl", ttl.as_str().into());
                let response = self.send(&request).await?;
                Ok((request, response, Some(ttl)))
            }
            _ => Err(error),
        }
    }
}
