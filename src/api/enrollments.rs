//! Enrollments, and the two ways in which the API is told how long a code lasts.

use std::time::Duration;

use http::Method;
use serde::Serialize;

use super::client::{Client, read};
use super::error::Error;
use super::pages::PagedRequest;
use super::request::Request;
use super::transport::Response;
use crate::model::{Enrollment, Metadata, Resource, Ttl};

/// Which enrollments are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct EnrollmentFilter {
    /// Only of this location.
    pub location_id: Option<String>,
    /// Only with all of these; at most five (documented).
    pub metadata: Metadata,
    /// Whether used ones are listed too; the API lists them unless told otherwise (documented).
    pub include_consumed: Option<bool>,
}

/// An enrollment to be created.
#[derive(Debug, Clone)]
pub(crate) struct NewEnrollment {
    /// Where the phone will stand. Needed unless the account has exactly one location (observed).
    pub location_id: Option<String>,
    /// How long the code can be used.
    pub expires_in: Duration,
    /// Carried over to the device (documented).
    pub metadata: Metadata,
}

/// What came of a [`NewEnrollment`].
#[derive(Debug)]
pub(crate) struct CreatedEnrollment {
    /// The enrollment with its code.
    pub enrollment: Resource<Enrollment>,
    /// The lifetime that was asked for instead, where the API takes only its fixed ones.
    pub instead: Option<Ttl>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: &'a Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

/// The request that withdraws a code.
pub(crate) fn withdraw_request(id: &str) -> Request {
    Request::ipp(Method::DELETE, &["enrollments", id])
}

impl Client {
    /// `GET /ipp/v1/enrollments`: a list of [`Enrollment`]s. Withdrawn ones never appear (documented).
    pub(crate) fn enrollments(&self, filter: &EnrollmentFilter) -> PagedRequest<'_> {
        let mut list = Request::ipp(Method::GET, &["enrollments"])
            .query_opt("location_id", filter.location_id.as_deref());
        for (key, value) in &filter.metadata {
            list = list.query("metadata", format!("{key}:{value}"));
        }
        if let Some(include) = filter.include_consumed {
            list = list.query("include_consumed", include.to_string());
        }
        PagedRequest::new(self, list)
    }

    /// `POST /ipp/v1/enrollments` with `expires_in` in milliseconds (documented). If, and only if, the answer
    /// is a 400 that names `ttl` (observed), it is repeated once with the shortest `ttl` that covers what was
    /// asked: a refused enrollment creates nothing.
    pub(crate) async fn create_enrollment(&self, new: &NewEnrollment) -> Result<CreatedEnrollment, Error> {
        let (request, answer, instead) = self.enroll(new).await?;
        let enrollment =
            read(&request, &answer, |value| Resource::read(value).map_err(|error| error.to_string()))?;
        Ok(CreatedEnrollment { enrollment, instead })
    }

    /// The same with the answer as it came, the request that it is to, and the lifetime that was asked for instead.
    pub(crate) async fn enroll(
        &self,
        new: &NewEnrollment,
    ) -> Result<(Request, Response, Option<Ttl>), Error> {
        let body = |expires_in, ttl: Option<Ttl>| Body {
            location_id: new.location_id.as_deref(),
            metadata: &new.metadata,
            expires_in,
            ttl: ttl.map(Ttl::as_str),
        };
        let post = Request::ipp(Method::POST, &["enrollments"]);
        let millis = u64::try_from(new.expires_in.as_millis()).unwrap_or(u64::MAX);
        let documented = post.clone().json(&body(Some(millis), None));
        let refused = match self.send(&documented).await {
            Ok(answer) => return Ok((documented, answer, None)),
            Err(error) => error,
        };
        let names_ttl = refused.status() == Some(400)
            && refused.problem().is_some_and(|problem| problem.field("ttl").is_some());
        match Ttl::covering(new.expires_in) {
            Some(ttl) if names_ttl => {
                let observed = post.json(&body(None, Some(ttl)));
                let answer = self.send(&observed).await?;
                Ok((observed, answer, Some(ttl)))
            }
            _ => Err(refused),
        }
    }

    /// `DELETE /ipp/v1/enrollments/{id}`: withdraws the code.
    pub(crate) async fn delete_enrollment(&self, id: &str) -> Result<(), Error> {
        self.delete(&withdraw_request(id)).await
    }
}
