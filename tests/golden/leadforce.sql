drop table if exists "demo_leadforce_target"."user";

create unlogged table "demo_leadforce_target"."user" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_user" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."login"
    , s."email"
    , s."name"
    , s."role"
    , s."active"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."login" is null then 'login is missing' end), '') as "_held"
  , ((COALESCE(b."name", b."login")))::text as "name"
  , (b."login")::text as "login"
  , (b."email")::text as "email"
  , ((COALESCE(b."active", TRUE)))::boolean as "active"
from "brought" as b;

drop table if exists "demo_leadforce_target"."team";

create unlogged table "demo_leadforce_target"."team" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_team" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , coalesce("leader_1"."xid") as "leader__xid"
    , coalesce(s."leader__1") as "leader__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "leader_1"
    on "leader_1"."entity" = 'user' and "leader_1"."key" = s."leader__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."leader__xid" as "leader"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , case when b."leader__xid" is null then b."leader__asked" end as "_unfound_leader"
  , (b."name")::text as "name"
  , (TRUE)::boolean as "use_leads"
  , (TRUE)::boolean as "use_opportunities"
  , (b."leader")::text as "user_id"
  , (null)::text as "company_id"
from "brought" as b;

drop table if exists "demo_leadforce_target"."stage";

create unlogged table "demo_leadforce_target"."stage" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_stage" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."pipeline"
    , s."stage"
    , s."label"
    , s."sequence"
    , s."probability"
    , s."outcome"
    , s."lost_reason"
    , coalesce("team_1"."xid") as "team__xid"
    , coalesce(s."team__1") as "team__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "team_1"
    on "team_1"."entity" = 'team' and "team_1"."key" = s."team__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."team__xid" as "team"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by (b."sequence"), b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."stage" is null then 'stage is missing' end), '') as "_held"
  , case when b."team__xid" is null then b."team__asked" end as "_unfound_team"
  , ((COALESCE(b."label", b."stage")))::text as "name"
  , ((COALESCE(b."sequence", 50)))::bigint as "sequence"
  , ((COALESCE(b."outcome", 'open') = 'won'))::boolean as "is_won"
  , ((CASE WHEN b."team" IS NOT NULL THEN ARRAY[b."team"] END))::text[] as "team_ids"
  , (b."probability")::numeric as "x_source_probability"
from "brought" as b;

drop table if exists "demo_leadforce_target"."campaign";

create unlogged table "demo_leadforce_target"."campaign" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_campaign" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."kind"
    , s."status"
    , s."start"
    , s."end"
    , s."budget"
    , s."notes"
    , coalesce("owner_1"."xid") as "owner__xid"
    , coalesce(s."owner__1") as "owner__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."owner__xid" as "owner"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , case when b."owner__xid" is null then b."owner__asked" end as "_unfound_owner"
  , (b."name")::text as "title"
  , (b."owner")::text as "user_id"
  , (b."kind")::text as "x_campaign_type"
  , (b."status")::text as "x_source_status"
  , (b."start")::date as "x_start_date"
  , ((b."end"))::date as "x_end_date"
  , (b."budget")::numeric as "x_budget"
  , (b."notes")::text as "x_notes"
from "brought" as b;

drop table if exists "demo_leadforce_target"."country";

create unlogged table "demo_leadforce_target"."country" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_country" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
null::text as "_held"
from "brought" as b;

drop table if exists "demo_leadforce_target"."industry";

create unlogged table "demo_leadforce_target"."industry" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_industry" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , (b."name")::text as "name"
from "brought" as b;

drop table if exists "demo_leadforce_target"."partner_category";

create unlogged table "demo_leadforce_target"."partner_category" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_partner_category" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , ((CASE WHEN 'merge' = 'rename' THEN b."name" || ' (' || 'Leadforce CRM' || ')' ELSE b."name" END))::text as "name"
from "brought" as b;

drop table if exists "demo_leadforce_target"."state";

create unlogged table "demo_leadforce_target"."state" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_state" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."country"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
null::text as "_held"
from "brought" as b;

drop table if exists "demo_leadforce_target"."company";

create unlogged table "demo_leadforce_target"."company" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_company" where "_place" = 1 and not "_skipped"
)
, "many_categories" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."categories__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('partner_category')
    order by a."key", array_position(array['partner_category'], a."entity")
  ) as l on l."key" = k."key"
  group by s."_xid"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."key"
    , s."website"
    , s."email"
    , s."phone"
    , s."street"
    , s."street2"
    , s."city"
    , s."zip"
    , s."employees"
    , s."notes"
    , s."created"
    , s."updated"
    , coalesce("state_1"."xid") as "state__xid"
    , coalesce(s."state__1") as "state__asked"
    , coalesce("country_1"."xid") as "country__xid"
    , coalesce(s."country__1") as "country__asked"
    , coalesce("industry_1"."xid") as "industry__xid"
    , coalesce(s."industry__1") as "industry__asked"
    , coalesce("parent_1"."xid") as "parent__xid"
    , coalesce(s."parent__1") as "parent__asked"
    , coalesce("owner_1"."xid") as "owner__xid"
    , coalesce(s."owner__1") as "owner__asked"
    , "many_categories"."xids" as "categories"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_leadforce_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_leadforce_target"."lookup" as "industry_1"
    on "industry_1"."entity" = 'industry' and "industry_1"."key" = s."industry__1"
  left join "demo_leadforce_target"."lookup" as "parent_1"
    on "parent_1"."entity" = 'company' and "parent_1"."key" = s."parent__1"
  left join "demo_leadforce_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "many_categories" on "many_categories"."_xid" = s."_xid"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."state__xid" as "state"
    -- a record that is not made cannot be referred to
    , l."country__xid" as "country"
    -- a record that is not made cannot be referred to
    , l."industry__xid" as "industry"
    -- a record that is not made cannot be referred to
    , l."parent__xid" as "parent"
    -- a record that is not made cannot be referred to
    , l."owner__xid" as "owner"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , case when b."state__xid" is null then b."state__asked" end as "_unfound_state"
  , case when b."country__xid" is null then b."country__asked" end as "_unfound_country"
  , case when b."industry__xid" is null then b."industry__asked" end as "_unfound_industry"
  , case when b."parent__xid" is null then b."parent__asked" end as "_unfound_parent"
  , case when b."owner__xid" is null then b."owner__asked" end as "_unfound_owner"
  , (b."name")::text as "name"
  , (TRUE)::boolean as "is_company"
  , ((CASE WHEN b."parent" IS NOT NULL AND COALESCE(b."street", b."city", b."zip", b."country") IS NOT NULL THEN 'other' ELSE 'contact' END))::text as "type"
  , (b."website")::text as "website"
  , (b."email")::text as "email"
  , (b."phone")::text as "phone"
  , (b."street")::text as "street"
  , (b."street2")::text as "street2"
  , (b."city")::text as "city"
  , (b."zip")::text as "zip"
  , (b."state")::text as "state_id"
  , (b."country")::text as "country_id"
  , (b."industry")::text as "industry_id"
  , (b."parent")::text as "parent_id"
  , (b."owner")::text as "user_id"
  , (b."notes")::text as "comment"
  , (b."categories")::text[] as "category_id"
  , (1)::bigint as "customer_rank"
  , (null)::text as "company_id"
  , ((CASE WHEN b."employees" ~ '^[0-9]{1,3}([ ,.''][0-9]{3}){0,2}$|^[0-9]{1,9}$' THEN CAST(REGEXP_REPLACE(b."employees", '[^0-9]', '', 'g') AS BIGINT) END))::bigint as "x_employee_count"
  , ((CASE WHEN NOT b."employees" ~ '^[0-9]{1,3}([ ,.''][0-9]{3}){0,2}$|^[0-9]{1,9}$' THEN b."employees" END))::text as "x_company_size"
  , (b."created")::timestamp as "x_source_created_at"
  , (b."updated")::timestamp as "x_source_updated_at"
from "brought" as b;

drop table if exists "demo_leadforce_target"."contact";

create unlogged table "demo_leadforce_target"."contact" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_contact" where "_place" = 1 and not "_skipped"
)
, "many_categories" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."categories__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('partner_category')
    order by a."key", array_position(array['partner_category'], a."entity")
  ) as l on l."key" = k."key"
  group by s."_xid"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."email"
    , s."phone"
    , s."mobile"
    , s."function"
    , s."website"
    , s."street"
    , s."street2"
    , s."city"
    , s."zip"
    , s."notes"
    , s."created"
    , s."updated"
    , coalesce("company_1"."xid", "company_2"."xid") as "company__xid"
    , coalesce(s."company__1", s."company__2") as "company__asked"
    , coalesce("state_1"."xid") as "state__xid"
    , coalesce(s."state__1") as "state__asked"
    , coalesce("country_1"."xid") as "country__xid"
    , coalesce(s."country__1") as "country__asked"
    , coalesce("owner_1"."xid") as "owner__xid"
    , coalesce(s."owner__1") as "owner__asked"
    , "many_categories"."xids" as "categories"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_leadforce_target"."lookup" as "company_2"
    on "company_2"."entity" = 'company' and "company_2"."key" = s."company__2"
  left join "demo_leadforce_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_leadforce_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_leadforce_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "many_categories" on "many_categories"."_xid" = s."_xid"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."company__xid" as "company"
    , "record_company"."street" as "company_street"
    , "record_company"."street2" as "company_street2"
    , "record_company"."city" as "company_city"
    , "record_company"."zip" as "company_zip"
    , "record_company"."state_id" as "company_state_id"
    , "record_company"."country_id" as "company_country_id"
    , "record_company"."industry_id" as "company_industry_id"
    -- a record that is not made cannot be referred to
    , l."state__xid" as "state"
    -- a record that is not made cannot be referred to
    , l."country__xid" as "country"
    -- a record that is not made cannot be referred to
    , l."owner__xid" as "owner"
  from "linked" as l
  left join "demo_leadforce_target"."company" as "record_company"
    on "record_company"."_xid" = l."company__xid"
)
, "computed" as (
  select
    b.*
    , (b."company" IS NOT NULL AND COALESCE(b."company_street", b."company_street2", b."company_city", b."company_zip", b."company_state_id", b."company_country_id") IS NOT NULL AND COALESCE(LOWER(b."street") = LOWER(b."company_street"), b."street" IS NULL) AND COALESCE(LOWER(b."city") = LOWER(b."company_city"), b."city" IS NULL) AND COALESCE(b."zip" = b."company_zip", b."zip" IS NULL) AND COALESCE(b."country" = b."company_country_id", b."country" IS NULL) AND COALESCE(b."state" = b."company_state_id", b."state" IS NULL)) as "shares_address"
  from "brought" as b
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by (b."company"), b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , case when b."company__xid" is null then b."company__asked" end as "_unfound_company"
  , case when b."state__xid" is null then b."state__asked" end as "_unfound_state"
  , case when b."country__xid" is null then b."country__asked" end as "_unfound_country"
  , case when b."owner__xid" is null then b."owner__asked" end as "_unfound_owner"
  , (b."name")::text as "name"
  , (FALSE)::boolean as "is_company"
  , ((CASE WHEN b."company" IS NOT NULL AND NOT b."shares_address" AND COALESCE(b."street", b."street2", b."city", b."zip", b."state", b."country") IS NOT NULL THEN 'other' ELSE 'contact' END))::text as "type"
  , (b."company")::text as "parent_id"
  , ((b."company_industry_id"))::text as "industry_id"
  , (b."email")::text as "email"
  , ((COALESCE(b."phone", b."mobile")))::text as "phone"
  , ((CASE WHEN b."phone" IS NOT NULL THEN b."mobile" END))::text as "x_mobile"
  , (b."function")::text as "function"
  , (b."website")::text as "website"
  , ((CASE WHEN b."shares_address" THEN b."company_street" ELSE b."street" END))::text as "street"
  , ((CASE WHEN b."shares_address" THEN b."company_street2" ELSE b."street2" END))::text as "street2"
  , ((CASE WHEN b."shares_address" THEN b."company_city" ELSE b."city" END))::text as "city"
  , ((CASE WHEN b."shares_address" THEN b."company_zip" ELSE b."zip" END))::text as "zip"
  , ((CASE WHEN b."shares_address" THEN b."company_state_id" ELSE b."state" END))::text as "state_id"
  , ((CASE WHEN b."shares_address" THEN b."company_country_id" ELSE b."country" END))::text as "country_id"
  , (b."owner")::text as "user_id"
  , (b."notes")::text as "comment"
  , (b."categories")::text[] as "category_id"
  , (null)::text as "company_id"
  , (b."created")::timestamp as "x_source_created_at"
  , (b."updated")::timestamp as "x_source_updated_at"
from "computed" as b;

drop table if exists "demo_leadforce_target"."lost_reason";

create unlogged table "demo_leadforce_target"."lost_reason" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_lost_reason" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , (b."name")::text as "name"
from "brought" as b;

drop table if exists "demo_leadforce_target"."medium";

create unlogged table "demo_leadforce_target"."medium" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_medium" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , (b."name")::text as "name"
from "brought" as b;

drop table if exists "demo_leadforce_target"."source";

create unlogged table "demo_leadforce_target"."source" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_source" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , (b."name")::text as "name"
from "brought" as b;

drop table if exists "demo_leadforce_target"."tag";

create unlogged table "demo_leadforce_target"."tag" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_tag" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
, "computed" as (
  select
    b.*
    , (CASE WHEN 'merge' = 'rename' THEN b."name" || ' (' || 'Leadforce CRM' || ')' ELSE b."name" END) as "named"
  from "brought" as b
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , ((CASE WHEN 0 > 7 AND LENGTH(b."named") > 0 THEN RTRIM(LEFT(b."named", 0 - 7)) || '-' || LEFT(MD5(b."named"), 6) ELSE b."named" END))::text as "name"
from "computed" as b;

drop table if exists "demo_leadforce_target"."lead";

create unlogged table "demo_leadforce_target"."lead" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_lead" where "_place" = 1 and not "_skipped"
)
, "many_tags" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."tags__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('tag')
    order by a."key", array_position(array['tag'], a."entity")
  ) as l on l."key" = k."key"
  group by s."_xid"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."email"
    , s."phone"
    , s."mobile"
    , s."contact_name"
    , s."company_name"
    , s."function"
    , s."website"
    , s."street"
    , s."city"
    , s."zip"
    , s."amount"
    , s."currency"
    , s."probability"
    , s."priority"
    , s."deadline"
    , s."closed"
    , s."assigned"
    , s."stage_entered"
    , s."notes"
    , s."tag_text"
    , s."stage_history"
    , s."created"
    , s."updated"
    , s."x_annual_spend"
    , s."x_certifications"
    , s."x_gst_number"
    , s."x_last_contact_at"
    , s."x_plant_type"
    , coalesce("contact_1"."xid") as "contact__xid"
    , coalesce(s."contact__1") as "contact__asked"
    , coalesce("company_1"."xid") as "company__xid"
    , coalesce(s."company__1") as "company__asked"
    , coalesce("state_1"."xid") as "state__xid"
    , coalesce(s."state__1") as "state__asked"
    , coalesce("country_1"."xid") as "country__xid"
    , coalesce(s."country__1") as "country__asked"
    , coalesce("team_1"."xid") as "team__xid"
    , coalesce(s."team__1") as "team__asked"
    , coalesce("stage_1"."xid") as "stage__xid"
    , coalesce(s."stage__1") as "stage__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2") as "owner__asked"
    , coalesce("source_1"."xid") as "source__xid"
    , coalesce(s."source__1") as "source__asked"
    , coalesce("medium_1"."xid") as "medium__xid"
    , coalesce(s."medium__1") as "medium__asked"
    , coalesce("campaign_1"."xid") as "campaign__xid"
    , coalesce(s."campaign__1") as "campaign__asked"
    , coalesce("lost_reason_1"."xid") as "lost_reason__xid"
    , coalesce(s."lost_reason__1") as "lost_reason__asked"
    , "many_tags"."xids" as "tags"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "contact_1"
    on "contact_1"."entity" = 'contact' and "contact_1"."key" = s."contact__1"
  left join "demo_leadforce_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_leadforce_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_leadforce_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_leadforce_target"."lookup" as "team_1"
    on "team_1"."entity" = 'team' and "team_1"."key" = s."team__1"
  left join "demo_leadforce_target"."lookup" as "stage_1"
    on "stage_1"."entity" = 'stage' and "stage_1"."key" = s."stage__1"
  left join "demo_leadforce_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_leadforce_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_leadforce_target"."lookup" as "source_1"
    on "source_1"."entity" = 'source' and "source_1"."key" = s."source__1"
  left join "demo_leadforce_target"."lookup" as "medium_1"
    on "medium_1"."entity" = 'medium' and "medium_1"."key" = s."medium__1"
  left join "demo_leadforce_target"."lookup" as "campaign_1"
    on "campaign_1"."entity" = 'campaign' and "campaign_1"."key" = s."campaign__1"
  left join "demo_leadforce_target"."lookup" as "lost_reason_1"
    on "lost_reason_1"."entity" = 'lost_reason' and "lost_reason_1"."key" = s."lost_reason__1"
  left join "many_tags" on "many_tags"."_xid" = s."_xid"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."contact__xid" as "contact"
    -- a record that is not made cannot be referred to
    , l."company__xid" as "company"
    -- a record that is not made cannot be referred to
    , l."state__xid" as "state"
    -- a record that is not made cannot be referred to
    , l."country__xid" as "country"
    -- a record that is not made cannot be referred to
    , l."team__xid" as "team"
    -- a record that is not made cannot be referred to
    , case when not "of_stage"."_skipped" then l."stage__xid" end as "stage"
    , "of_stage"."stage" as "stage_stage"
    , "of_stage"."outcome" as "stage_outcome"
    , "of_stage"."probability" as "stage_probability"
    , "of_stage"."lost_reason" as "stage_lost_reason"
    -- a record that is not made cannot be referred to
    , l."owner__xid" as "owner"
    -- a record that is not made cannot be referred to
    , l."source__xid" as "source"
    -- a record that is not made cannot be referred to
    , l."medium__xid" as "medium"
    -- a record that is not made cannot be referred to
    , l."campaign__xid" as "campaign"
    -- a record that is not made cannot be referred to
    , l."lost_reason__xid" as "lost_reason"
  from "linked" as l
  left join "demo_leadforce_target"."identity_stage" as "of_stage"
    on "of_stage"."_xid" = l."stage__xid" and "of_stage"."_place" = 1
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end, case when (b."amount" <> 0 AND b."currency" IS NOT NULL AND CAST((CASE b."currency" WHEN 'USD' THEN 83.5 END) AS DECIMAL) IS NULL) then ('its amount is in ' || b."currency" || ', and the project declares no rate for it (rates: {' || b."currency" || ': …})') end), '') as "_held"
  , case when b."contact__xid" is null then b."contact__asked" end as "_unfound_contact"
  , case when b."company__xid" is null then b."company__asked" end as "_unfound_company"
  , case when b."state__xid" is null then b."state__asked" end as "_unfound_state"
  , case when b."country__xid" is null then b."country__asked" end as "_unfound_country"
  , case when b."team__xid" is null then b."team__asked" end as "_unfound_team"
  , case when b."stage__xid" is null then b."stage__asked" end as "_unfound_stage"
  , case when b."owner__xid" is null then b."owner__asked" end as "_unfound_owner"
  , case when b."source__xid" is null then b."source__asked" end as "_unfound_source"
  , case when b."medium__xid" is null then b."medium__asked" end as "_unfound_medium"
  , case when b."campaign__xid" is null then b."campaign__asked" end as "_unfound_campaign"
  , case when b."lost_reason__xid" is null then b."lost_reason__asked" end as "_unfound_lost_reason"
  , (b."name")::text as "name"
  , ('lead')::text as "type"
  , ((COALESCE(b."stage_outcome", 'open') <> 'lost'))::boolean as "active"
  , ((COALESCE(b."contact", b."company")))::text as "partner_id"
  , ((CASE WHEN COALESCE(b."contact", b."company") IS NULL THEN b."email" END))::text as "email_from"
  , ((CASE WHEN COALESCE(b."contact", b."company") IS NULL THEN COALESCE(b."phone", b."mobile") END))::text as "phone"
  , (b."contact_name")::text as "contact_name"
  , (b."company_name")::text as "partner_name"
  , (b."function")::text as "function"
  , (b."website")::text as "website"
  , (b."street")::text as "street"
  , (b."city")::text as "city"
  , (b."zip")::text as "zip"
  , (b."state")::text as "state_id"
  , (b."country")::text as "country_id"
  , (b."team")::text as "team_id"
  , (b."stage")::text as "stage_id"
  , (b."owner")::text as "user_id"
  , (b."tags")::text[] as "tag_ids"
  , (b."source")::text as "source_id"
  , (b."campaign")::text as "campaign_id"
  , (b."medium")::text as "medium_id"
  , ((COALESCE(CASE WHEN b."currency" IS NULL THEN b."amount" ELSE ROUND(b."amount" * CAST((CASE b."currency" WHEN 'USD' THEN 83.5 END) AS DECIMAL), 2) END, 0)))::numeric as "expected_revenue"
  , ((CASE COALESCE(b."stage_outcome", 'open') WHEN 'won' THEN 100 WHEN 'lost' THEN 0 ELSE COALESCE(b."probability", b."stage_probability", 0) END))::numeric as "probability"
  , ((CASE WHEN COALESCE(b."stage_outcome", 'open') = 'open' AND COALESCE(b."probability", b."stage_probability", 0) = 0 THEN 0.01 ELSE 0 END))::numeric as "automated_probability"
  , (b."deadline")::date as "date_deadline"
  , ((CASE WHEN b."stage_outcome" IN ('won', 'lost') THEN b."closed" END))::timestamp as "date_closed"
  , (b."assigned")::timestamp as "date_open"
  , (b."stage_entered")::timestamp as "date_last_stage_update"
  , ((CASE WHEN b."stage_outcome" = 'lost' THEN b."lost_reason" END))::text as "lost_reason_id"
  , ((COALESCE(b."priority", '0')))::text as "priority"
  , (b."notes")::text as "description"
  , (TRUE)::boolean as "iap_enrich_done"
  , ((b."stage_stage"))::text as "x_source_stage"
  , ((CASE WHEN COALESCE(b."contact", b."company") IS NOT NULL THEN b."email" END))::text as "x_source_email"
  , ((CASE WHEN COALESCE(b."contact", b."company") IS NOT NULL THEN COALESCE(b."phone", b."mobile") END))::text as "x_source_phone"
  , ((CASE WHEN b."phone" IS NOT NULL THEN b."mobile" END))::text as "x_mobile"
  , (b."tag_text")::text as "x_source_tags"
  , (b."probability")::numeric as "x_source_probability"
  , ((CASE WHEN b."currency" IS NOT NULL THEN b."amount" END))::numeric as "x_source_amount"
  , ((CASE WHEN b."amount" IS NOT NULL THEN b."currency" END))::text as "x_source_currency"
  , (b."closed")::timestamp as "x_source_closed_at"
  , (b."stage_entered")::timestamp as "x_stage_entered_at"
  , (b."stage_history")::text as "x_stage_history"
  , (b."created")::timestamp as "x_source_created_at"
  , (b."updated")::timestamp as "x_source_updated_at"
  , b."x_annual_spend" as "x_annual_spend"
  , b."x_certifications" as "x_certifications"
  , b."x_gst_number" as "x_gst_number"
  , b."x_last_contact_at" as "x_last_contact_at"
  , b."x_plant_type" as "x_plant_type"
from "brought" as b;

drop table if exists "demo_leadforce_target"."opportunity";

create unlogged table "demo_leadforce_target"."opportunity" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_opportunity" where "_place" = 1 and not "_skipped"
)
, "many_tags" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."tags__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('tag')
    order by a."key", array_position(array['tag'], a."entity")
  ) as l on l."key" = k."key"
  group by s."_xid"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."email"
    , s."phone"
    , s."mobile"
    , s."contact_name"
    , s."company_name"
    , s."function"
    , s."website"
    , s."street"
    , s."city"
    , s."zip"
    , s."amount"
    , s."currency"
    , s."probability"
    , s."priority"
    , s."deadline"
    , s."closed"
    , s."assigned"
    , s."stage_entered"
    , s."notes"
    , s."tag_text"
    , s."stage_history"
    , s."created"
    , s."updated"
    , s."x_annual_spend"
    , s."x_certifications"
    , s."x_delivery_terms"
    , s."x_gst_number"
    , s."x_last_contact_at"
    , s."x_plant_type"
    , s."x_status"
    , s."x_warranty_months"
    , coalesce("contact_1"."xid", "contact_2"."xid") as "contact__xid"
    , coalesce(s."contact__1", s."contact__2") as "contact__asked"
    , coalesce("company_1"."xid", "company_2"."xid") as "company__xid"
    , coalesce(s."company__1", s."company__2") as "company__asked"
    , coalesce("state_1"."xid") as "state__xid"
    , coalesce(s."state__1") as "state__asked"
    , coalesce("country_1"."xid") as "country__xid"
    , coalesce(s."country__1") as "country__asked"
    , coalesce("team_1"."xid") as "team__xid"
    , coalesce(s."team__1") as "team__asked"
    , coalesce("stage_1"."xid") as "stage__xid"
    , coalesce(s."stage__1") as "stage__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2") as "owner__asked"
    , coalesce("source_1"."xid") as "source__xid"
    , coalesce(s."source__1") as "source__asked"
    , coalesce("medium_1"."xid") as "medium__xid"
    , coalesce(s."medium__1") as "medium__asked"
    , coalesce("campaign_1"."xid") as "campaign__xid"
    , coalesce(s."campaign__1") as "campaign__asked"
    , coalesce("lost_reason_1"."xid") as "lost_reason__xid"
    , coalesce(s."lost_reason__1") as "lost_reason__asked"
    , coalesce("from_lead_1"."xid") as "from_lead__xid"
    , coalesce(s."from_lead__1") as "from_lead__asked"
    , case coalesce("from_lead_1"."entity") when 'lead' then 'crm.lead' when 'opportunity' then 'crm.lead' end as "from_lead_model"
    , "many_tags"."xids" as "tags"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "contact_1"
    on "contact_1"."entity" = 'contact' and "contact_1"."key" = s."contact__1"
  left join "demo_leadforce_target"."lookup" as "contact_2"
    on "contact_2"."entity" = 'contact' and "contact_2"."key" = s."contact__2"
  left join "demo_leadforce_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_leadforce_target"."lookup" as "company_2"
    on "company_2"."entity" = 'company' and "company_2"."key" = s."company__2"
  left join "demo_leadforce_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_leadforce_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_leadforce_target"."lookup" as "team_1"
    on "team_1"."entity" = 'team' and "team_1"."key" = s."team__1"
  left join "demo_leadforce_target"."lookup" as "stage_1"
    on "stage_1"."entity" = 'stage' and "stage_1"."key" = s."stage__1"
  left join "demo_leadforce_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_leadforce_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_leadforce_target"."lookup" as "source_1"
    on "source_1"."entity" = 'source' and "source_1"."key" = s."source__1"
  left join "demo_leadforce_target"."lookup" as "medium_1"
    on "medium_1"."entity" = 'medium' and "medium_1"."key" = s."medium__1"
  left join "demo_leadforce_target"."lookup" as "campaign_1"
    on "campaign_1"."entity" = 'campaign' and "campaign_1"."key" = s."campaign__1"
  left join "demo_leadforce_target"."lookup" as "lost_reason_1"
    on "lost_reason_1"."entity" = 'lost_reason' and "lost_reason_1"."key" = s."lost_reason__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('lead', 'opportunity')
    order by a."key", array_position(array['lead', 'opportunity'], a."entity")
  ) as "from_lead_1"
    on "from_lead_1"."key" = s."from_lead__1"
  left join "many_tags" on "many_tags"."_xid" = s."_xid"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."contact__xid" as "contact"
    -- a record that is not made cannot be referred to
    , l."company__xid" as "company"
    -- a record that is not made cannot be referred to
    , l."state__xid" as "state"
    -- a record that is not made cannot be referred to
    , l."country__xid" as "country"
    -- a record that is not made cannot be referred to
    , l."team__xid" as "team"
    -- a record that is not made cannot be referred to
    , case when not "of_stage"."_skipped" then l."stage__xid" end as "stage"
    , "of_stage"."stage" as "stage_stage"
    , "of_stage"."outcome" as "stage_outcome"
    , "of_stage"."probability" as "stage_probability"
    , "of_stage"."lost_reason" as "stage_lost_reason"
    -- a record that is not made cannot be referred to
    , l."owner__xid" as "owner"
    -- a record that is not made cannot be referred to
    , l."source__xid" as "source"
    -- a record that is not made cannot be referred to
    , l."medium__xid" as "medium"
    -- a record that is not made cannot be referred to
    , l."campaign__xid" as "campaign"
    -- a record that is not made cannot be referred to
    , l."lost_reason__xid" as "lost_reason"
    -- a record that is not made cannot be referred to
    , l."from_lead__xid" as "from_lead"
  from "linked" as l
  left join "demo_leadforce_target"."identity_stage" as "of_stage"
    on "of_stage"."_xid" = l."stage__xid" and "of_stage"."_place" = 1
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end, case when (b."amount" <> 0 AND b."currency" IS NOT NULL AND CAST((CASE b."currency" WHEN 'USD' THEN 83.5 END) AS DECIMAL) IS NULL) then ('its amount is in ' || b."currency" || ', and the project declares no rate for it (rates: {' || b."currency" || ': …})') end), '') as "_held"
  , case when b."contact__xid" is null then b."contact__asked" end as "_unfound_contact"
  , case when b."company__xid" is null then b."company__asked" end as "_unfound_company"
  , case when b."state__xid" is null then b."state__asked" end as "_unfound_state"
  , case when b."country__xid" is null then b."country__asked" end as "_unfound_country"
  , case when b."team__xid" is null then b."team__asked" end as "_unfound_team"
  , case when b."stage__xid" is null then b."stage__asked" end as "_unfound_stage"
  , case when b."owner__xid" is null then b."owner__asked" end as "_unfound_owner"
  , case when b."source__xid" is null then b."source__asked" end as "_unfound_source"
  , case when b."medium__xid" is null then b."medium__asked" end as "_unfound_medium"
  , case when b."campaign__xid" is null then b."campaign__asked" end as "_unfound_campaign"
  , case when b."lost_reason__xid" is null then b."lost_reason__asked" end as "_unfound_lost_reason"
  , case when b."from_lead__xid" is null then b."from_lead__asked" end as "_unfound_from_lead"
  , (b."name")::text as "name"
  , ('opportunity')::text as "type"
  , ((COALESCE(b."stage_outcome", 'open') <> 'lost'))::boolean as "active"
  , ((COALESCE(b."contact", b."company")))::text as "partner_id"
  , ((CASE WHEN COALESCE(b."contact", b."company") IS NULL THEN b."email" END))::text as "email_from"
  , ((CASE WHEN COALESCE(b."contact", b."company") IS NULL THEN COALESCE(b."phone", b."mobile") END))::text as "phone"
  , (b."contact_name")::text as "contact_name"
  , (b."company_name")::text as "partner_name"
  , (b."function")::text as "function"
  , (b."website")::text as "website"
  , (b."street")::text as "street"
  , (b."city")::text as "city"
  , (b."zip")::text as "zip"
  , (b."state")::text as "state_id"
  , (b."country")::text as "country_id"
  , (b."team")::text as "team_id"
  , (b."stage")::text as "stage_id"
  , (b."owner")::text as "user_id"
  , (b."tags")::text[] as "tag_ids"
  , (b."source")::text as "source_id"
  , (b."campaign")::text as "campaign_id"
  , (b."medium")::text as "medium_id"
  , ((COALESCE(CASE WHEN b."currency" IS NULL THEN b."amount" ELSE ROUND(b."amount" * CAST((CASE b."currency" WHEN 'USD' THEN 83.5 END) AS DECIMAL), 2) END, 0)))::numeric as "expected_revenue"
  , ((CASE COALESCE(b."stage_outcome", 'open') WHEN 'won' THEN 100 WHEN 'lost' THEN 0 ELSE COALESCE(b."probability", b."stage_probability", 0) END))::numeric as "probability"
  , ((CASE WHEN COALESCE(b."stage_outcome", 'open') = 'open' AND COALESCE(b."probability", b."stage_probability", 0) = 0 THEN 0.01 ELSE 0 END))::numeric as "automated_probability"
  , (b."deadline")::date as "date_deadline"
  , ((CASE WHEN b."stage_outcome" IN ('won', 'lost') THEN b."closed" END))::timestamp as "date_closed"
  , (b."assigned")::timestamp as "date_open"
  , (b."stage_entered")::timestamp as "date_last_stage_update"
  , ((CASE WHEN b."stage_outcome" = 'lost' THEN b."lost_reason" END))::text as "lost_reason_id"
  , ((COALESCE(b."priority", '0')))::text as "priority"
  , (b."notes")::text as "description"
  , (TRUE)::boolean as "iap_enrich_done"
  , ((b."stage_stage"))::text as "x_source_stage"
  , ((CASE WHEN COALESCE(b."contact", b."company") IS NOT NULL THEN b."email" END))::text as "x_source_email"
  , ((CASE WHEN COALESCE(b."contact", b."company") IS NOT NULL THEN COALESCE(b."phone", b."mobile") END))::text as "x_source_phone"
  , ((CASE WHEN b."phone" IS NOT NULL THEN b."mobile" END))::text as "x_mobile"
  , (b."tag_text")::text as "x_source_tags"
  , (b."probability")::numeric as "x_source_probability"
  , ((CASE WHEN b."currency" IS NOT NULL THEN b."amount" END))::numeric as "x_source_amount"
  , ((CASE WHEN b."amount" IS NOT NULL THEN b."currency" END))::text as "x_source_currency"
  , (b."closed")::timestamp as "x_source_closed_at"
  , (b."stage_entered")::timestamp as "x_stage_entered_at"
  , (b."stage_history")::text as "x_stage_history"
  , (b."created")::timestamp as "x_source_created_at"
  , (b."updated")::timestamp as "x_source_updated_at"
  , (b."from_lead")::text as "x_source_lead_id"
  , b."x_annual_spend" as "x_annual_spend"
  , b."x_certifications" as "x_certifications"
  , b."x_delivery_terms" as "x_delivery_terms"
  , b."x_gst_number" as "x_gst_number"
  , b."x_last_contact_at" as "x_last_contact_at"
  , b."x_plant_type" as "x_plant_type"
  , b."x_status" as "x_status"
  , b."x_warranty_months" as "x_warranty_months"
from "brought" as b;

drop table if exists "demo_leadforce_target"."product";

create unlogged table "demo_leadforce_target"."product" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_product" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."code"
    , s."name"
    , s."price"
    , s."description"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , (b."name")::text as "name"
  , (b."code")::text as "default_code"
  , ('consu')::text as "type"
  , ((COALESCE(b."price", 0)))::numeric as "list_price"
  , (b."description")::text as "description_sale"
  , ((CAST(ARRAY[] AS TEXT[])))::text[] as "taxes_id"
from "brought" as b;

drop table if exists "demo_leadforce_target"."invoice_line";

create unlogged table "demo_leadforce_target"."invoice_line" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_invoice_line" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."quantity"
    , s."price"
    , s."discount"
    , s."place"
    , coalesce("invoice_1"."xid") as "invoice__xid"
    , coalesce(s."invoice__1") as "invoice__asked"
    , coalesce("product_1"."xid") as "product__xid"
    , coalesce(s."product__1") as "product__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "invoice_1"
    on "invoice_1"."entity" = 'invoice' and "invoice_1"."key" = s."invoice__1"
  left join "demo_leadforce_target"."lookup" as "product_1"
    on "product_1"."entity" = 'product' and "product_1"."key" = s."product__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."invoice__xid" as "invoice"
    -- a record that is not made cannot be referred to
    , l."product__xid" as "product"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by (b."place"), b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."invoice" is null then 'invoice is missing' end), '') as "_held"
  , case when b."invoice__xid" is null then b."invoice__asked" end as "_unfound_invoice"
  , case when b."product__xid" is null then b."product__asked" end as "_unfound_product"
  , b."invoice" as "_part_of"
  , ((COALESCE(b."name", 'Item')))::text as "name"
  , (b."product")::text as "product_id"
  , ((COALESCE(b."quantity", 1)))::numeric as "quantity"
  , ((COALESCE(b."price", 0)))::numeric as "price_unit"
  , ((COALESCE(b."discount", 0)))::numeric as "discount"
  , ((CAST(ARRAY[] AS TEXT[])))::text[] as "tax_ids"
from "brought" as b;

create index on "demo_leadforce_target"."invoice_line" ("_part_of");

analyze "demo_leadforce_target"."invoice_line";

-- A line has no fate of its own: its source row ends as the record does that it is a line of.
update "demo_leadforce_target"."member" as m set "entity" = 'invoice', "xid" = l."_part_of"
from "demo_leadforce_target"."invoice_line" as l
where m."entity" = 'invoice_line' and m."xid" = l."_xid" and l."_part_of" is not null;

drop table if exists "demo_leadforce_target"."journal";

create unlogged table "demo_leadforce_target"."journal" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_journal" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."code"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."code" is null then 'code is missing' end), '') as "_held"
  , (b."code")::text as "code"
  , (b."name")::text as "name"
  , ('sale')::text as "type"
  , (('account.1_income'))::text as "default_account_id"
from "brought" as b;

drop table if exists "demo_leadforce_target"."account";

create unlogged table "demo_leadforce_target"."account" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_account" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."code"
    , s."name"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."code" is null then 'code is missing' end), '') as "_held"
  , (b."code")::text as "code"
  , (b."name")::text as "name"
  , ('asset_current')::text as "account_type"
  , (TRUE)::boolean as "reconcile"
from "brought" as b;

drop table if exists "demo_leadforce_target"."payment_method";

create unlogged table "demo_leadforce_target"."payment_method" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_payment_method" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , coalesce("payment_journal_1"."xid") as "payment_journal__xid"
    , coalesce(s."payment_journal__1") as "payment_journal__asked"
    , coalesce("account_1"."xid") as "account__xid"
    , coalesce(s."account__1") as "account__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "payment_journal_1"
    on "payment_journal_1"."entity" = 'payment_journal' and "payment_journal_1"."key" = s."payment_journal__1"
  left join "demo_leadforce_target"."lookup" as "account_1"
    on "account_1"."entity" = 'account' and "account_1"."key" = s."account__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."payment_journal__xid" as "payment_journal"
    -- a record that is not made cannot be referred to
    , l."account__xid" as "account"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."payment_journal" is null then 'payment_journal is missing' end), '') as "_held"
  , case when b."payment_journal__xid" is null then b."payment_journal__asked" end as "_unfound_payment_journal"
  , case when b."account__xid" is null then b."account__asked" end as "_unfound_account"
  , b."payment_journal" as "_part_of"
  , (b."name")::text as "name"
  , ('account.account_payment_method_manual_in')::text as "payment_method_id"
  , (b."account")::text as "payment_account_id"
from "brought" as b;

create index on "demo_leadforce_target"."payment_method" ("_part_of");

analyze "demo_leadforce_target"."payment_method";

-- A line has no fate of its own: its source row ends as the record does that it is a line of.
update "demo_leadforce_target"."member" as m set "entity" = 'payment_journal', "xid" = l."_part_of"
from "demo_leadforce_target"."payment_method" as l
where m."entity" = 'payment_method' and m."xid" = l."_xid" and l."_part_of" is not null;

drop table if exists "demo_leadforce_target"."payment_journal";

create unlogged table "demo_leadforce_target"."payment_journal" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_payment_journal" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."code"
    , s."name"
    , coalesce("account_1"."xid") as "account__xid"
    , coalesce(s."account__1") as "account__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "account_1"
    on "account_1"."entity" = 'account' and "account_1"."key" = s."account__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."account__xid" as "account"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."code" is null then 'code is missing' end), '') as "_held"
  , case when b."account__xid" is null then b."account__asked" end as "_unfound_account"
  , (b."code")::text as "code"
  , (b."name")::text as "name"
  , ('cash')::text as "type"
  , (b."account")::text as "default_account_id"
from "brought" as b;

drop table if exists "demo_leadforce_target"."invoice";

create unlogged table "demo_leadforce_target"."invoice" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_invoice" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."number"
    , s."date"
    , s."due"
    , s."origin"
    , s."status"
    , s."state"
    , s."total"
    , s."paid"
    , s."paid_on"
    , s."notes"
    , s."currency"
    , coalesce("contact_1"."xid") as "contact__xid"
    , coalesce(s."contact__1") as "contact__asked"
    , coalesce("company_1"."xid", "company_2"."xid", "company_3"."xid") as "company__xid"
    , coalesce(s."company__1", s."company__2", s."company__3") as "company__asked"
    , coalesce("deal_1"."xid") as "deal__xid"
    , coalesce(s."deal__1") as "deal__asked"
    , coalesce("journal_1"."xid") as "journal__xid"
    , coalesce(s."journal__1") as "journal__asked"
    , coalesce("payment_journal_1"."xid") as "payment_journal__xid"
    , coalesce(s."payment_journal__1") as "payment_journal__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2") as "owner__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "contact_1"
    on "contact_1"."entity" = 'contact' and "contact_1"."key" = s."contact__1"
  left join "demo_leadforce_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_leadforce_target"."lookup" as "company_2"
    on "company_2"."entity" = 'company' and "company_2"."key" = s."company__2"
  left join "demo_leadforce_target"."lookup" as "company_3"
    on "company_3"."entity" = 'company' and "company_3"."key" = s."company__3"
  left join "demo_leadforce_target"."lookup" as "deal_1"
    on "deal_1"."entity" = 'opportunity' and "deal_1"."key" = s."deal__1"
  left join "demo_leadforce_target"."lookup" as "journal_1"
    on "journal_1"."entity" = 'journal' and "journal_1"."key" = s."journal__1"
  left join "demo_leadforce_target"."lookup" as "payment_journal_1"
    on "payment_journal_1"."entity" = 'payment_journal' and "payment_journal_1"."key" = s."payment_journal__1"
  left join "demo_leadforce_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_leadforce_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."contact__xid" as "contact"
    -- a record that is not made cannot be referred to
    , l."company__xid" as "company"
    -- a record that is not made cannot be referred to
    , l."deal__xid" as "deal"
    , "record_deal"."partner_id" as "deal_partner_id"
    -- a record that is not made cannot be referred to
    , l."journal__xid" as "journal"
    -- a record that is not made cannot be referred to
    , l."payment_journal__xid" as "payment_journal"
    -- a record that is not made cannot be referred to
    , l."owner__xid" as "owner"
  from "linked" as l
  left join "demo_leadforce_target"."opportunity" as "record_deal"
    on "record_deal"."_xid" = l."deal__xid"
)
, "computed" as (
  select
    b.*
    , ('post' <> 'draft' AND COALESCE(b."state", 'open') = 'open' AND b."total" >= 0 AND (b."currency" IS NULL OR 'post' = 'post_at_declared_rate')) as "posted"
    , (LEAST(COALESCE(b."paid", 0), b."total")) as "payment"
  from "brought" as b
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by (b."date"), (b."number"), b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."number" is null then 'number is missing' end, case when ((COALESCE(b."company", b."contact", b."deal_partner_id")))::text is null then 'partner_id is missing' end, case when (b."currency" IS NOT NULL AND CAST((CASE b."currency" WHEN 'USD' THEN 83.5 END) AS DECIMAL) IS NULL) then ('its amounts are in ' || b."currency" || ', and the project declares no rate for it (rates: {' || b."currency" || ': …})') end), '') as "_held"
  , case when b."contact__xid" is null then b."contact__asked" end as "_unfound_contact"
  , case when b."company__xid" is null then b."company__asked" end as "_unfound_company"
  , case when b."deal__xid" is null then b."deal__asked" end as "_unfound_deal"
  , case when b."journal__xid" is null then b."journal__asked" end as "_unfound_journal"
  , case when b."payment_journal__xid" is null then b."payment_journal__asked" end as "_unfound_payment_journal"
  , case when b."owner__xid" is null then b."owner__asked" end as "_unfound_owner"
  -- what Odoo has to do with the record once it exists
  , case when (b."posted") then jsonb_build_object() end as "_step_post"
  -- what Odoo has to do with the record once it exists
  , case when ('post' <> 'draft' AND b."state" = 'cancel') then jsonb_build_object() end as "_step_cancel"
  -- what Odoo has to do with the record once it exists
  , case when (b."posted" AND b."payment" > 0) then jsonb_build_object('journal_id', (b."payment_journal"), 'payment_date', (COALESCE(b."paid_on", b."date")), 'amount', (b."payment"), '_own_part', (CASE WHEN b."currency" IS NOT NULL THEN b."payment" / b."total" END)) end as "_step_pay"
  , ('out_invoice')::text as "move_type"
  , (b."journal")::text as "journal_id"
  , ((COALESCE(b."company", b."contact", b."deal_partner_id")))::text as "partner_id"
  , (b."number")::text as "ref"
  , (b."date")::date as "invoice_date"
  , (b."date")::date as "date"
  , ((COALESCE(b."due", b."date")))::date as "invoice_date_due"
  , (('base.' || b."currency"))::text as "currency_id"
  , ((ROUND(1 / CAST((CASE b."currency" WHEN 'USD' THEN 83.5 END) AS DECIMAL), 10)))::numeric as "invoice_currency_rate"
  , (b."owner")::text as "invoice_user_id"
  , (b."origin")::text as "invoice_origin"
  , (b."notes")::text as "narration"
  , ((CASE WHEN b."posted" THEN 'posted' WHEN b."state" = 'cancel' AND 'post' <> 'draft' THEN 'cancel' ELSE 'draft' END))::text as "state"
  , (b."total")::numeric as "amount_total"
  , ((CASE WHEN b."posted" AND b."total" > 0 AND b."payment" = b."total" THEN 'paid' WHEN b."posted" AND b."payment" > 0 THEN 'partial' WHEN b."posted" AND b."total" = 0 THEN 'paid' ELSE 'not_paid' END))::text as "payment_state"
  , ((CASE WHEN b."posted" THEN b."total" - b."payment" ELSE b."total" END))::numeric as "amount_residual"
  , (b."status")::text as "x_source_payment_status"
  , (b."paid")::numeric as "x_source_paid"
  , (b."paid_on")::date as "x_source_paid_on"
from "computed" as b;

drop table if exists "demo_leadforce_target"."order_line";

create unlogged table "demo_leadforce_target"."order_line" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_order_line" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."quantity"
    , s."price"
    , s."discount"
    , s."place"
    , coalesce("order_1"."xid") as "order__xid"
    , coalesce(s."order__1") as "order__asked"
    , coalesce("product_1"."xid") as "product__xid"
    , coalesce(s."product__1") as "product__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "order_1"
    on "order_1"."entity" = 'order' and "order_1"."key" = s."order__1"
  left join "demo_leadforce_target"."lookup" as "product_1"
    on "product_1"."entity" = 'product' and "product_1"."key" = s."product__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."order__xid" as "order"
    -- a record that is not made cannot be referred to
    , l."product__xid" as "product"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by (b."place"), b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."order" is null then 'order is missing' end), '') as "_held"
  , case when b."order__xid" is null then b."order__asked" end as "_unfound_order"
  , case when b."product__xid" is null then b."product__asked" end as "_unfound_product"
  , b."order" as "_part_of"
  , ((COALESCE(b."name", 'Item')))::text as "name"
  , (b."product")::text as "product_id"
  , ((COALESCE(b."quantity", 1)))::numeric as "product_uom_qty"
  , ((COALESCE(b."price", 0)))::numeric as "price_unit"
  , ((COALESCE(b."discount", 0)))::numeric as "discount"
  , ((CAST(ARRAY[] AS TEXT[])))::text[] as "tax_ids"
from "brought" as b;

create index on "demo_leadforce_target"."order_line" ("_part_of");

analyze "demo_leadforce_target"."order_line";

-- A line has no fate of its own: its source row ends as the record does that it is a line of.
update "demo_leadforce_target"."member" as m set "entity" = 'order', "xid" = l."_part_of"
from "demo_leadforce_target"."order_line" as l
where m."entity" = 'order_line' and m."xid" = l."_xid" and l."_part_of" is not null;

drop table if exists "demo_leadforce_target"."pricelist";

create unlogged table "demo_leadforce_target"."pricelist" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_pricelist" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."code"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."code" is null then 'code is missing' end), '') as "_held"
  , (('Migrated documents in ' || b."code"))::text as "name"
  , (('base.' || b."code"))::text as "currency_id"
from "brought" as b;

drop table if exists "demo_leadforce_target"."order";

create unlogged table "demo_leadforce_target"."order" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_order" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."number"
    , s."state"
    , s."status"
    , s."date"
    , s."valid_until"
    , s."origin"
    , s."notes"
    , s."currency"
    , s."total"
    , coalesce("deal_1"."xid", "deal_2"."xid") as "deal__xid"
    , coalesce(s."deal__1", s."deal__2") as "deal__asked"
    , coalesce("lead_1"."xid") as "lead__xid"
    , coalesce(s."lead__1") as "lead__asked"
    , coalesce("contact_1"."xid", "contact_2"."xid") as "contact__xid"
    , coalesce(s."contact__1", s."contact__2") as "contact__asked"
    , coalesce("company_1"."xid", "company_2"."xid", "company_3"."xid") as "company__xid"
    , coalesce(s."company__1", s."company__2", s."company__3") as "company__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2") as "owner__asked"
    , coalesce("pricelist_1"."xid") as "pricelist__xid"
    , coalesce(s."pricelist__1") as "pricelist__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "deal_1"
    on "deal_1"."entity" = 'opportunity' and "deal_1"."key" = s."deal__1"
  left join "demo_leadforce_target"."lookup" as "deal_2"
    on "deal_2"."entity" = 'opportunity' and "deal_2"."key" = s."deal__2"
  left join "demo_leadforce_target"."lookup" as "lead_1"
    on "lead_1"."entity" = 'lead' and "lead_1"."key" = s."lead__1"
  left join "demo_leadforce_target"."lookup" as "contact_1"
    on "contact_1"."entity" = 'contact' and "contact_1"."key" = s."contact__1"
  left join "demo_leadforce_target"."lookup" as "contact_2"
    on "contact_2"."entity" = 'contact' and "contact_2"."key" = s."contact__2"
  left join "demo_leadforce_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_leadforce_target"."lookup" as "company_2"
    on "company_2"."entity" = 'company' and "company_2"."key" = s."company__2"
  left join "demo_leadforce_target"."lookup" as "company_3"
    on "company_3"."entity" = 'company' and "company_3"."key" = s."company__3"
  left join "demo_leadforce_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_leadforce_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_leadforce_target"."lookup" as "pricelist_1"
    on "pricelist_1"."entity" = 'pricelist' and "pricelist_1"."key" = s."pricelist__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."deal__xid" as "deal"
    , "record_deal"."partner_id" as "deal_partner_id"
    , "record_deal"."team_id" as "deal_team_id"
    -- a record that is not made cannot be referred to
    , l."lead__xid" as "lead"
    -- a record that is not made cannot be referred to
    , l."contact__xid" as "contact"
    -- a record that is not made cannot be referred to
    , l."company__xid" as "company"
    -- a record that is not made cannot be referred to
    , l."owner__xid" as "owner"
    -- a record that is not made cannot be referred to
    , l."pricelist__xid" as "pricelist"
  from "linked" as l
  left join "demo_leadforce_target"."opportunity" as "record_deal"
    on "record_deal"."_xid" = l."deal__xid"
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."number" is null then 'number is missing' end, case when ((COALESCE(b."contact", b."company", b."deal_partner_id")))::text is null then 'partner_id is missing' end, case when (b."currency" IS NOT NULL AND CAST((CASE b."currency" WHEN 'USD' THEN 83.5 END) AS DECIMAL) IS NULL) then ('its amounts are in ' || b."currency" || ', and the project declares no rate for it (rates: {' || b."currency" || ': …})') end), '') as "_held"
  , case when b."deal__xid" is null then b."deal__asked" end as "_unfound_deal"
  , case when b."lead__xid" is null then b."lead__asked" end as "_unfound_lead"
  , case when b."contact__xid" is null then b."contact__asked" end as "_unfound_contact"
  , case when b."company__xid" is null then b."company__asked" end as "_unfound_company"
  , case when b."owner__xid" is null then b."owner__asked" end as "_unfound_owner"
  , case when b."pricelist__xid" is null then b."pricelist__asked" end as "_unfound_pricelist"
  , (b."number")::text as "name"
  , ((COALESCE(b."contact", b."company", b."deal_partner_id")))::text as "partner_id"
  , ((COALESCE(b."state", 'draft')))::text as "state"
  , (b."date")::timestamp as "date_order"
  , (b."valid_until")::date as "validity_date"
  , (b."owner")::text as "user_id"
  , ((b."deal_team_id"))::text as "team_id"
  , ((COALESCE(b."deal", b."lead")))::text as "opportunity_id"
  , (b."pricelist")::text as "pricelist_id"
  , (b."origin")::text as "origin"
  , (b."notes")::text as "note"
  , (b."total")::numeric as "amount_total"
  , (b."status")::text as "x_source_status"
from "brought" as b;

drop table if exists "demo_leadforce_target"."attachment";

create unlogged table "demo_leadforce_target"."attachment" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_attachment" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."file"
    , s."content"
    , s."url"
    , s."mimetype"
    , s."about"
    , coalesce("record_1"."xid", "record_2"."xid", "record_3"."xid", "record_4"."xid") as "record__xid"
    , coalesce(s."record__1", s."record__2", s."record__3", s."record__4") as "record__asked"
    , case coalesce("record_1"."entity", "record_2"."entity", "record_3"."entity", "record_4"."entity") when 'opportunity' then 'crm.lead' when 'lead' then 'crm.lead' when 'order' then 'sale.order' when 'invoice' then 'account.move' when 'contact' then 'res.partner' when 'company' then 'res.partner' end as "record_model"
  from "survivor" as s
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'invoice', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'invoice', 'contact', 'company'], a."entity")
  ) as "record_1"
    on "record_1"."key" = s."record__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'invoice', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'invoice', 'contact', 'company'], a."entity")
  ) as "record_2"
    on "record_2"."key" = s."record__2"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'invoice', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'invoice', 'contact', 'company'], a."entity")
  ) as "record_3"
    on "record_3"."key" = s."record__3"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'invoice', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'invoice', 'contact', 'company'], a."entity")
  ) as "record_4"
    on "record_4"."key" = s."record__4"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."record__xid" as "record"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end, case when b."record" is null then 'record is missing' end), '') as "_held"
  , case when b."record__xid" is null then b."record__asked" end as "_unfound_record"
  , (b."name")::text as "name"
  , ((b."record_model"))::text as "res_model"
  , (b."record")::text as "res_id"
  , ((CASE WHEN COALESCE(b."file", b."content") IS NULL THEN 'url' ELSE 'binary' END))::text as "type"
  , ((COALESCE(b."file", 'data:;base64,' || b."content")))::text as "datas"
  , ((CASE WHEN COALESCE(b."file", b."content") IS NULL THEN b."url" END))::text as "url"
  , (b."mimetype")::text as "mimetype"
  , (b."about")::text as "description"
  , (null)::text as "company_id"
from "brought" as b;

drop table if exists "demo_leadforce_target"."tracking";

create unlogged table "demo_leadforce_target"."tracking" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_tracking" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."field"
    , s."from"
    , s."to"
    , coalesce("message_1"."xid") as "message__xid"
    , coalesce(s."message__1") as "message__asked"
  from "survivor" as s
  left join "demo_leadforce_target"."lookup" as "message_1"
    on "message_1"."entity" = 'message' and "message_1"."key" = s."message__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."message__xid" as "message"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."message" is null then 'message is missing' end), '') as "_held"
  , case when b."message__xid" is null then b."message__asked" end as "_unfound_message"
  , b."message" as "_part_of"
  , (b."field")::text as "field_id"
  , ((INITCAP(REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(b."field", '^.*__', ''), '_id$', ''), '_', ' '))))::text as "field_desc"
  , ('char')::text as "field_type"
  , ((b."from"))::text as "old_value_char"
  , ((b."to"))::text as "new_value_char"
from "brought" as b;

create index on "demo_leadforce_target"."tracking" ("_part_of");

analyze "demo_leadforce_target"."tracking";

-- A line has no fate of its own: its source row ends as the record does that it is a line of.
update "demo_leadforce_target"."member" as m set "entity" = 'message', "xid" = l."_part_of"
from "demo_leadforce_target"."tracking" as l
where m."entity" = 'tracking' and m."xid" = l."_xid" and l."_part_of" is not null;

drop table if exists "demo_leadforce_target"."message";

create unlogged table "demo_leadforce_target"."message" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_message" where "_place" = 1 and not "_skipped"
)
, "many_attachments" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."attachments__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('attachment')
    order by a."key", array_position(array['attachment'], a."entity")
  ) as l on l."key" = k."key"
  group by s."_xid"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."kind"
    , s."subject"
    , s."body"
    , s."more"
    , s."categories"
    , s."date"
    , s."from_email"
    , s."to_email"
    , s."cc_email"
    , s."call_duration"
    , s."call_disposition"
    , s."fingerprint"
    , coalesce("record_1"."xid", "record_2"."xid") as "record__xid"
    , coalesce(s."record__1", s."record__2") as "record__asked"
    , coalesce("author_1"."xid", "author_2"."xid") as "author__xid"
    , coalesce(s."author__1", s."author__2") as "author__asked"
    , case coalesce("record_1"."entity", "record_2"."entity") when 'opportunity' then 'crm.lead' when 'lead' then 'crm.lead' when 'order' then 'sale.order' when 'invoice' then 'account.move' when 'contact' then 'res.partner' when 'company' then 'res.partner' end as "record_model"
    , case coalesce("author_1"."entity", "author_2"."entity") when 'user' then 'res.users' when 'contact' then 'res.partner' end as "author_model"
    , "many_attachments"."xids" as "attachments"
  from "survivor" as s
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'invoice', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'invoice', 'contact', 'company'], a."entity")
  ) as "record_1"
    on "record_1"."key" = s."record__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'invoice', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'invoice', 'contact', 'company'], a."entity")
  ) as "record_2"
    on "record_2"."key" = s."record__2"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('user', 'contact')
    order by a."key", array_position(array['user', 'contact'], a."entity")
  ) as "author_1"
    on "author_1"."key" = s."author__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('user', 'contact')
    order by a."key", array_position(array['user', 'contact'], a."entity")
  ) as "author_2"
    on "author_2"."key" = s."author__2"
  left join "many_attachments" on "many_attachments"."_xid" = s."_xid"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."record__xid" as "record"
    -- a record that is not made cannot be referred to
    , l."author__xid" as "author"
  from "linked" as l
)
, "computed" as (
  select
    b.*
    , (CONCAT(b."body", b."more", '<p>#' || REPLACE(REPLACE(REPLACE(ARRAY_TO_STRING(b."categories", ' #'), '&', '&amp;'), '<', '&lt;'), '>', '&gt;') || '</p>')) as "written"
    , (b."attachments" IS NULL AND NOT (b."kind" IS NOT DISTINCT FROM 'stage' AND b."record_model" = 'crm.lead') AND COALESCE(LENGTH(b."body"), 0) + COALESCE(LENGTH(b."more"), 0) < 200 AND b."categories" IS NULL AND NOT CONCAT(b."body", b."more") ~* '<(img|video|audio|iframe|svg|table|hr)\M' AND REGEXP_REPLACE(CONCAT(b."body", b."more"), '<[^>]*>|&nbsp;|&#160;|\s|\u00a0', '', 'g') = '') as "says_nothing"
  from "brought" as b
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by (b."record"), (b."date"), b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."record" is null then 'record is missing' end, case when b."date" is null then 'date is missing' end), '') as "_held"
  , case when b."record__xid" is null then b."record__asked" end as "_unfound_record"
  , case when b."author__xid" is null then b."author__asked" end as "_unfound_author"
  , ((b."record_model"))::text as "model"
  , (b."record")::text as "res_id"
  , ((CASE WHEN b."kind" = 'email' THEN 'email' WHEN b."kind" = 'email_out' THEN 'email_outgoing' WHEN b."kind" IN ('log', 'stage') THEN 'notification' ELSE 'comment' END))::text as "message_type"
  , ((CASE WHEN b."kind" IN ('email', 'email_out', 'comment') THEN 'mail.mt_comment' WHEN b."kind" IN ('call', 'meeting', 'task') THEN 'mail.mt_activities' WHEN b."kind" = 'stage' AND b."record_model" = 'crm.lead' THEN 'crm.mt_lead_stage' ELSE 'mail.mt_note' END))::text as "subtype_id"
  , ((CASE b."kind" WHEN 'call' THEN 'mail.mail_activity_data_call' WHEN 'email' THEN 'mail.mail_activity_data_email' WHEN 'email_out' THEN 'mail.mail_activity_data_email' WHEN 'meeting' THEN 'mail.mail_activity_data_meeting' WHEN 'task' THEN 'mail.mail_activity_data_todo' END))::text as "mail_activity_type_id"
  , ((NOT COALESCE(b."kind", 'note') IN ('email', 'email_out', 'comment')))::boolean as "is_internal"
  , (b."subject")::text as "subject"
  , ((NULLIF(CONCAT(b."written", CASE WHEN b."says_nothing" THEN '<p>' || REGEXP_REPLACE(REPLACE(REPLACE(REPLACE(COALESCE(b."subject", '(no text in the source)'), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), e'\r\n|\r|\n', '<br>', 'g') || '</p>' END), '')))::text as "body"
  , (b."date")::timestamp as "date"
  , (b."author")::text as "author_id"
  , ((COALESCE(b."from_email", CASE WHEN b."author" IS NULL THEN 'Leadforce CRM' END)))::text as "email_from"
  , (b."attachments")::text[] as "attachment_ids"
  , ((CASE WHEN b."kind" = 'email' THEN b."to_email" END))::text as "incoming_email_to"
  , ((CASE WHEN b."kind" IN ('email', 'email_out') THEN b."cc_email" END))::text as "incoming_email_cc"
  , ((CASE WHEN b."kind" = 'email_out' THEN b."to_email" END))::text as "outgoing_email_to"
  , (b."call_duration")::text as "x_call_duration"
  , (b."call_disposition")::text as "x_call_disposition"
  , ((ARRAY_TO_STRING(b."categories", ', ')))::text as "x_note_tags"
  , (('<' || b."fingerprint" || '@crm2odoo.invalid>'))::text as "message_id"
  , ((b."from_email"))::text as "reply_to"
  , (FALSE)::boolean as "reply_to_force_new"
from "computed" as b;

drop table if exists "demo_leadforce_target"."activity";

create unlogged table "demo_leadforce_target"."activity" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_activity" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."kind"
    , s."summary"
    , s."note"
    , s."deadline"
    , s."time"
    , s."call_duration"
    , s."call_disposition"
    , coalesce("record_1"."xid", "record_2"."xid") as "record__xid"
    , coalesce(s."record__1", s."record__2") as "record__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2") as "owner__asked"
    , case coalesce("record_1"."entity", "record_2"."entity") when 'opportunity' then 'crm.lead' when 'lead' then 'crm.lead' when 'order' then 'sale.order' when 'invoice' then 'account.move' when 'contact' then 'res.partner' when 'company' then 'res.partner' end as "record_model"
  from "survivor" as s
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'invoice', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'invoice', 'contact', 'company'], a."entity")
  ) as "record_1"
    on "record_1"."key" = s."record__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'invoice', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'invoice', 'contact', 'company'], a."entity")
  ) as "record_2"
    on "record_2"."key" = s."record__2"
  left join "demo_leadforce_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_leadforce_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."record__xid" as "record"
    -- a record that is not made cannot be referred to
    , l."owner__xid" as "owner"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by (b."record"), (b."deadline"), b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."record" is null then 'record is missing' end, case when b."deadline" is null then 'deadline is missing' end), '') as "_held"
  , case when b."record__xid" is null then b."record__asked" end as "_unfound_record"
  , case when b."owner__xid" is null then b."owner__asked" end as "_unfound_owner"
  , ((CASE b."record_model" WHEN 'res.partner' THEN 'base.model_res_partner' ELSE SPLIT_PART(b."record_model", '.', 1) || '.model_' || REPLACE(b."record_model", '.', '_') END))::text as "res_model_id"
  , (b."record")::text as "res_id"
  , ((CASE b."kind" WHEN 'call' THEN 'mail.mail_activity_data_call' WHEN 'email' THEN 'mail.mail_activity_data_email' WHEN 'meeting' THEN 'mail.mail_activity_data_meeting' ELSE 'mail.mail_activity_data_todo' END))::text as "activity_type_id"
  , (b."summary")::text as "summary"
  , (b."note")::text as "note"
  , (b."deadline")::date as "date_deadline"
  , (b."owner")::text as "user_id"
  , (b."time")::timestamp as "x_source_time"
  , (b."call_duration")::text as "x_call_duration"
  , (b."call_disposition")::text as "x_call_disposition"
from "brought" as b;

drop table if exists "demo_leadforce_target"."event";

create unlogged table "demo_leadforce_target"."event" as
with "survivor" as (
  select * from "demo_leadforce_target"."identity_event" where "_place" = 1 and not "_skipped"
)
, "many_attendees" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."attendees__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('user', 'contact')
    order by a."key", array_position(array['user', 'contact'], a."entity")
  ) as l on l."key" = k."key"
  group by s."_xid"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."start"
    , s."stop"
    , s."minutes"
    , s."location"
    , s."description"
    , s."attendee_text"
    , coalesce("record_1"."xid", "record_2"."xid") as "record__xid"
    , coalesce(s."record__1", s."record__2") as "record__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2") as "owner__asked"
    , case coalesce("record_1"."entity", "record_2"."entity") when 'opportunity' then 'crm.lead' when 'lead' then 'crm.lead' when 'order' then 'sale.order' when 'contact' then 'res.partner' when 'company' then 'res.partner' end as "record_model"
    , "many_attendees"."xids" as "attendees"
  from "survivor" as s
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'contact', 'company'], a."entity")
  ) as "record_1"
    on "record_1"."key" = s."record__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_leadforce_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'order', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'order', 'contact', 'company'], a."entity")
  ) as "record_2"
    on "record_2"."key" = s."record__2"
  left join "demo_leadforce_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_leadforce_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "many_attendees" on "many_attendees"."_xid" = s."_xid"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."record__xid" as "record"
    -- a record that is not made cannot be referred to
    , l."owner__xid" as "owner"
  from "linked" as l
)
, "computed" as (
  select
    b.*
    , (CASE WHEN b."stop" >= b."start" THEN b."stop" WHEN b."minutes" > 0 THEN b."start" + b."minutes" * INTERVAL '1 MINUTE' ELSE b."start" + INTERVAL '30 MINUTES' END) as "ends"
  from "brought" as b
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by (b."start"), b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."start" is null then 'start is missing' end), '') as "_held"
  , case when b."record__xid" is null then b."record__asked" end as "_unfound_record"
  , case when b."owner__xid" is null then b."owner__asked" end as "_unfound_owner"
  , ((COALESCE(b."name", 'Meeting')))::text as "name"
  , (b."start")::timestamp as "start"
  , ((b."ends"))::timestamp as "stop"
  , ((ROUND(CAST((EXTRACT(EPOCH FROM b."ends") - EXTRACT(EPOCH FROM b."start")) AS DECIMAL) / 3600, 4)))::numeric as "duration"
  , (b."location")::text as "location"
  , (b."description")::text as "description"
  , (b."owner")::text as "user_id"
  , (b."attendees")::text[] as "partner_ids"
  , (b."attendee_text")::text as "x_source_attendees"
  , ((CASE WHEN b."record_model" = 'crm.lead' THEN b."record" END))::text as "opportunity_id"
  , ((CASE WHEN b."record_model" = 'res.partner' THEN 'base.model_res_partner' WHEN b."record" IS NOT NULL THEN SPLIT_PART(b."record_model", '.', 1) || '.model_' || REPLACE(b."record_model", '.', '_') END))::text as "res_model_id"
  , (b."record")::text as "res_id"
from "computed" as b;
