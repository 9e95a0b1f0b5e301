drop table if exists "demo_smartdesk_target"."user";

create unlogged table "demo_smartdesk_target"."user" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_user" where "_place" = 1 and not "_skipped"
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

drop table if exists "demo_smartdesk_target"."team";

create unlogged table "demo_smartdesk_target"."team" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_team" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , coalesce("leader_1"."xid") as "leader__xid"
    , coalesce(s."leader__1") as "leader__asked"
  from "survivor" as s
  left join "demo_smartdesk_target"."lookup" as "leader_1"
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

drop table if exists "demo_smartdesk_target"."stage";

create unlogged table "demo_smartdesk_target"."stage" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_stage" where "_place" = 1 and not "_skipped"
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
    , coalesce("team_1"."xid", "team_2"."xid") as "team__xid"
    , coalesce(s."team__1", s."team__2") as "team__asked"
  from "survivor" as s
  left join "demo_smartdesk_target"."lookup" as "team_1"
    on "team_1"."entity" = 'team' and "team_1"."key" = s."team__1"
  left join "demo_smartdesk_target"."lookup" as "team_2"
    on "team_2"."entity" = 'team' and "team_2"."key" = s."team__2"
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

drop table if exists "demo_smartdesk_target"."country";

create unlogged table "demo_smartdesk_target"."country" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_country" where "_place" = 1 and not "_skipped"
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

drop table if exists "demo_smartdesk_target"."industry";

create unlogged table "demo_smartdesk_target"."industry" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_industry" where "_place" = 1 and not "_skipped"
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

drop table if exists "demo_smartdesk_target"."partner_category";

create unlogged table "demo_smartdesk_target"."partner_category" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_partner_category" where "_place" = 1 and not "_skipped"
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
  , ((CASE WHEN 'merge' = 'rename' THEN b."name" || ' (' || 'SmartDesk' || ')' ELSE b."name" END))::text as "name"
from "brought" as b;

drop table if exists "demo_smartdesk_target"."state";

create unlogged table "demo_smartdesk_target"."state" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_state" where "_place" = 1 and not "_skipped"
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

drop table if exists "demo_smartdesk_target"."company";

create unlogged table "demo_smartdesk_target"."company" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_company" where "_place" = 1 and not "_skipped"
)
, "many_categories" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."categories__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_smartdesk_target"."lookup" as a
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
    , coalesce("owner_1"."xid", "owner_2"."xid", "owner_3"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2", s."owner__3") as "owner__asked"
    , "many_categories"."xids" as "categories"
  from "survivor" as s
  left join "demo_smartdesk_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_smartdesk_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_smartdesk_target"."lookup" as "industry_1"
    on "industry_1"."entity" = 'industry' and "industry_1"."key" = s."industry__1"
  left join "demo_smartdesk_target"."lookup" as "parent_1"
    on "parent_1"."entity" = 'company' and "parent_1"."key" = s."parent__1"
  left join "demo_smartdesk_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_smartdesk_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_smartdesk_target"."lookup" as "owner_3"
    on "owner_3"."entity" = 'user' and "owner_3"."key" = s."owner__3"
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

drop table if exists "demo_smartdesk_target"."contact";

create unlogged table "demo_smartdesk_target"."contact" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_contact" where "_place" = 1 and not "_skipped"
)
, "many_categories" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."categories__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_smartdesk_target"."lookup" as a
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
    , s."x_nps_score"
    , s."x_preferred_channel"
    , s."x_smartdesk_lifecycle_stage"
    , coalesce("company_1"."xid", "company_2"."xid") as "company__xid"
    , coalesce(s."company__1", s."company__2") as "company__asked"
    , coalesce("state_1"."xid") as "state__xid"
    , coalesce(s."state__1") as "state__asked"
    , coalesce("country_1"."xid") as "country__xid"
    , coalesce(s."country__1") as "country__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid", "owner_3"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2", s."owner__3") as "owner__asked"
    , "many_categories"."xids" as "categories"
  from "survivor" as s
  left join "demo_smartdesk_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_smartdesk_target"."lookup" as "company_2"
    on "company_2"."entity" = 'company' and "company_2"."key" = s."company__2"
  left join "demo_smartdesk_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_smartdesk_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_smartdesk_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_smartdesk_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_smartdesk_target"."lookup" as "owner_3"
    on "owner_3"."entity" = 'user' and "owner_3"."key" = s."owner__3"
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
  left join "demo_smartdesk_target"."company" as "record_company"
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
  , b."x_nps_score" as "x_nps_score"
  , b."x_preferred_channel" as "x_preferred_channel"
  , b."x_smartdesk_lifecycle_stage" as "x_smartdesk_lifecycle_stage"
from "computed" as b;

drop table if exists "demo_smartdesk_target"."campaign";

create unlogged table "demo_smartdesk_target"."campaign" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_campaign" where "_place" = 1 and not "_skipped"
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
    , coalesce("owner_1"."xid", "owner_2"."xid", "owner_3"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2", s."owner__3") as "owner__asked"
  from "survivor" as s
  left join "demo_smartdesk_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_smartdesk_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_smartdesk_target"."lookup" as "owner_3"
    on "owner_3"."entity" = 'user' and "owner_3"."key" = s."owner__3"
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

drop table if exists "demo_smartdesk_target"."lost_reason";

create unlogged table "demo_smartdesk_target"."lost_reason" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_lost_reason" where "_place" = 1 and not "_skipped"
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

drop table if exists "demo_smartdesk_target"."medium";

create unlogged table "demo_smartdesk_target"."medium" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_medium" where "_place" = 1 and not "_skipped"
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

drop table if exists "demo_smartdesk_target"."source";

create unlogged table "demo_smartdesk_target"."source" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_source" where "_place" = 1 and not "_skipped"
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

drop table if exists "demo_smartdesk_target"."tag";

create unlogged table "demo_smartdesk_target"."tag" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_tag" where "_place" = 1 and not "_skipped"
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
    , (CASE WHEN 'merge' = 'rename' THEN b."name" || ' (' || 'SmartDesk' || ')' ELSE b."name" END) as "named"
  from "brought" as b
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , ((CASE WHEN 0 > 7 AND LENGTH(b."named") > 0 THEN RTRIM(LEFT(b."named", 0 - 7)) || '-' || LEFT(MD5(b."named"), 6) ELSE b."named" END))::text as "name"
from "computed" as b;

drop table if exists "demo_smartdesk_target"."lead";

create unlogged table "demo_smartdesk_target"."lead" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_lead" where "_place" = 1 and not "_skipped"
)
, "many_tags" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."tags__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_smartdesk_target"."lookup" as a
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
    , coalesce("owner_1"."xid", "owner_2"."xid", "owner_3"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2", s."owner__3") as "owner__asked"
    , coalesce("source_1"."xid") as "source__xid"
    , coalesce(s."source__1") as "source__asked"
    , coalesce("medium_1"."xid") as "medium__xid"
    , coalesce(s."medium__1") as "medium__asked"
    , coalesce("campaign_1"."xid", "campaign_2"."xid") as "campaign__xid"
    , coalesce(s."campaign__1", s."campaign__2") as "campaign__asked"
    , coalesce("lost_reason_1"."xid") as "lost_reason__xid"
    , coalesce(s."lost_reason__1") as "lost_reason__asked"
    , "many_tags"."xids" as "tags"
  from "survivor" as s
  left join "demo_smartdesk_target"."lookup" as "contact_1"
    on "contact_1"."entity" = 'contact' and "contact_1"."key" = s."contact__1"
  left join "demo_smartdesk_target"."lookup" as "contact_2"
    on "contact_2"."entity" = 'contact' and "contact_2"."key" = s."contact__2"
  left join "demo_smartdesk_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_smartdesk_target"."lookup" as "company_2"
    on "company_2"."entity" = 'company' and "company_2"."key" = s."company__2"
  left join "demo_smartdesk_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_smartdesk_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_smartdesk_target"."lookup" as "team_1"
    on "team_1"."entity" = 'team' and "team_1"."key" = s."team__1"
  left join "demo_smartdesk_target"."lookup" as "stage_1"
    on "stage_1"."entity" = 'stage' and "stage_1"."key" = s."stage__1"
  left join "demo_smartdesk_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_smartdesk_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_smartdesk_target"."lookup" as "owner_3"
    on "owner_3"."entity" = 'user' and "owner_3"."key" = s."owner__3"
  left join "demo_smartdesk_target"."lookup" as "source_1"
    on "source_1"."entity" = 'source' and "source_1"."key" = s."source__1"
  left join "demo_smartdesk_target"."lookup" as "medium_1"
    on "medium_1"."entity" = 'medium' and "medium_1"."key" = s."medium__1"
  left join "demo_smartdesk_target"."lookup" as "campaign_1"
    on "campaign_1"."entity" = 'campaign' and "campaign_1"."key" = s."campaign__1"
  left join "demo_smartdesk_target"."lookup" as "campaign_2"
    on "campaign_2"."entity" = 'campaign' and "campaign_2"."key" = s."campaign__2"
  left join "demo_smartdesk_target"."lookup" as "lost_reason_1"
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
  left join "demo_smartdesk_target"."identity_stage" as "of_stage"
    on "of_stage"."_xid" = l."stage__xid" and "of_stage"."_place" = 1
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end, case when (b."amount" <> 0 AND b."currency" IS NOT NULL AND CAST((CASE b."currency" WHEN 'GBP' THEN 1.27 END) AS DECIMAL) IS NULL) then ('its amount is in ' || b."currency" || ', and the project declares no rate for it (rates: {' || b."currency" || ': …})') end), '') as "_held"
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
  , ((COALESCE(CASE WHEN b."currency" IS NULL THEN b."amount" ELSE ROUND(b."amount" * CAST((CASE b."currency" WHEN 'GBP' THEN 1.27 END) AS DECIMAL), 2) END, 0)))::numeric as "expected_revenue"
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
from "brought" as b;

drop table if exists "demo_smartdesk_target"."opportunity";

create unlogged table "demo_smartdesk_target"."opportunity" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_opportunity" where "_place" = 1 and not "_skipped"
)
, "many_tags" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."tags__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_smartdesk_target"."lookup" as a
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
    , s."x_contract_type"
    , s."x_seats"
    , s."x_services"
    , coalesce("contact_1"."xid") as "contact__xid"
    , coalesce(s."contact__1") as "contact__asked"
    , coalesce("company_1"."xid", "company_2"."xid") as "company__xid"
    , coalesce(s."company__1", s."company__2") as "company__asked"
    , coalesce("state_1"."xid") as "state__xid"
    , coalesce(s."state__1") as "state__asked"
    , coalesce("country_1"."xid") as "country__xid"
    , coalesce(s."country__1") as "country__asked"
    , coalesce("team_1"."xid", "team_2"."xid") as "team__xid"
    , coalesce(s."team__1", s."team__2") as "team__asked"
    , coalesce("stage_1"."xid", "stage_2"."xid") as "stage__xid"
    , coalesce(s."stage__1", s."stage__2") as "stage__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid", "owner_3"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2", s."owner__3") as "owner__asked"
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
  left join "demo_smartdesk_target"."lookup" as "contact_1"
    on "contact_1"."entity" = 'contact' and "contact_1"."key" = s."contact__1"
  left join "demo_smartdesk_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_smartdesk_target"."lookup" as "company_2"
    on "company_2"."entity" = 'company' and "company_2"."key" = s."company__2"
  left join "demo_smartdesk_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_smartdesk_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_smartdesk_target"."lookup" as "team_1"
    on "team_1"."entity" = 'team' and "team_1"."key" = s."team__1"
  left join "demo_smartdesk_target"."lookup" as "team_2"
    on "team_2"."entity" = 'team' and "team_2"."key" = s."team__2"
  left join "demo_smartdesk_target"."lookup" as "stage_1"
    on "stage_1"."entity" = 'stage' and "stage_1"."key" = s."stage__1"
  left join "demo_smartdesk_target"."lookup" as "stage_2"
    on "stage_2"."entity" = 'stage' and "stage_2"."key" = s."stage__2"
  left join "demo_smartdesk_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_smartdesk_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_smartdesk_target"."lookup" as "owner_3"
    on "owner_3"."entity" = 'user' and "owner_3"."key" = s."owner__3"
  left join "demo_smartdesk_target"."lookup" as "source_1"
    on "source_1"."entity" = 'source' and "source_1"."key" = s."source__1"
  left join "demo_smartdesk_target"."lookup" as "medium_1"
    on "medium_1"."entity" = 'medium' and "medium_1"."key" = s."medium__1"
  left join "demo_smartdesk_target"."lookup" as "campaign_1"
    on "campaign_1"."entity" = 'campaign' and "campaign_1"."key" = s."campaign__1"
  left join "demo_smartdesk_target"."lookup" as "lost_reason_1"
    on "lost_reason_1"."entity" = 'lost_reason' and "lost_reason_1"."key" = s."lost_reason__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
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
  left join "demo_smartdesk_target"."identity_stage" as "of_stage"
    on "of_stage"."_xid" = l."stage__xid" and "of_stage"."_place" = 1
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end, case when (b."amount" <> 0 AND b."currency" IS NOT NULL AND CAST((CASE b."currency" WHEN 'GBP' THEN 1.27 END) AS DECIMAL) IS NULL) then ('its amount is in ' || b."currency" || ', and the project declares no rate for it (rates: {' || b."currency" || ': …})') end), '') as "_held"
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
  , ((COALESCE(CASE WHEN b."currency" IS NULL THEN b."amount" ELSE ROUND(b."amount" * CAST((CASE b."currency" WHEN 'GBP' THEN 1.27 END) AS DECIMAL), 2) END, 0)))::numeric as "expected_revenue"
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
  , b."x_contract_type" as "x_contract_type"
  , b."x_seats" as "x_seats"
  , b."x_services" as "x_services"
from "brought" as b;

drop table if exists "demo_smartdesk_target"."article_lead";

create unlogged table "demo_smartdesk_target"."article_lead" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_article_lead" where "_place" = 1 and not "_skipped"
)
, "many_tags" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."tags__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_smartdesk_target"."lookup" as a
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
    , s."body"
    , s."files"
    , s."old_host"
    , s."category"
    , s."published"
    , s."author"
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
    , coalesce("owner_1"."xid") as "owner__xid"
    , coalesce(s."owner__1") as "owner__asked"
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
  left join "demo_smartdesk_target"."lookup" as "contact_1"
    on "contact_1"."entity" = 'contact' and "contact_1"."key" = s."contact__1"
  left join "demo_smartdesk_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_smartdesk_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_smartdesk_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_smartdesk_target"."lookup" as "team_1"
    on "team_1"."entity" = 'team' and "team_1"."key" = s."team__1"
  left join "demo_smartdesk_target"."lookup" as "stage_1"
    on "stage_1"."entity" = 'stage' and "stage_1"."key" = s."stage__1"
  left join "demo_smartdesk_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_smartdesk_target"."lookup" as "source_1"
    on "source_1"."entity" = 'source' and "source_1"."key" = s."source__1"
  left join "demo_smartdesk_target"."lookup" as "medium_1"
    on "medium_1"."entity" = 'medium' and "medium_1"."key" = s."medium__1"
  left join "demo_smartdesk_target"."lookup" as "campaign_1"
    on "campaign_1"."entity" = 'campaign' and "campaign_1"."key" = s."campaign__1"
  left join "demo_smartdesk_target"."lookup" as "lost_reason_1"
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
  left join "demo_smartdesk_target"."identity_stage" as "of_stage"
    on "of_stage"."_xid" = l."stage__xid" and "of_stage"."_place" = 1
)
, "computed" as (
  select
    b.*
    , (CASE WHEN b."files" IS NULL THEN b."body" ELSE REGEXP_REPLACE(b."body", 'https?://[^"''<>\s]*/attachments/(' || b."files" || ')(/[^"''<>\s]*)?(?=["''<>\s]|$)', '/web/content/' || '__migration_demo_smartdesk__' || '.attachment_\1', 'g') END) as "body_here"
  from "brought" as b
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end, case when (b."amount" <> 0 AND b."currency" IS NOT NULL AND CAST((CASE b."currency" WHEN 'GBP' THEN 1.27 END) AS DECIMAL) IS NULL) then ('its amount is in ' || b."currency" || ', and the project declares no rate for it (rates: {' || b."currency" || ': …})') end), '') as "_held"
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
  , ((COALESCE(CASE WHEN b."currency" IS NULL THEN b."amount" ELSE ROUND(b."amount" * CAST((CASE b."currency" WHEN 'GBP' THEN 1.27 END) AS DECIMAL), 2) END, 0)))::numeric as "expected_revenue"
  , ((CASE COALESCE(b."stage_outcome", 'open') WHEN 'won' THEN 100 WHEN 'lost' THEN 0 ELSE COALESCE(b."probability", b."stage_probability", 0) END))::numeric as "probability"
  , ((CASE WHEN COALESCE(b."stage_outcome", 'open') = 'open' AND COALESCE(b."probability", b."stage_probability", 0) = 0 THEN 0.01 ELSE 0 END))::numeric as "automated_probability"
  , (b."deadline")::date as "date_deadline"
  , ((CASE WHEN b."stage_outcome" IN ('won', 'lost') THEN b."closed" END))::timestamp as "date_closed"
  , (b."assigned")::timestamp as "date_open"
  , (b."stage_entered")::timestamp as "date_last_stage_update"
  , ((CASE WHEN b."stage_outcome" = 'lost' THEN b."lost_reason" END))::text as "lost_reason_id"
  , ((COALESCE(b."priority", '0')))::text as "priority"
  , ((b."body_here"))::text as "description"
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
  , (b."category")::text as "x_article_category"
  , ((COALESCE(b."published", FALSE)))::boolean as "x_published"
  , (b."author")::text as "x_article_author"
  , ((b."body_here" ~* ('https?://[^/"''<>\s]*' || b."old_host")))::boolean as "x_links_to_review"
from "computed" as b;

drop table if exists "demo_smartdesk_target"."project";

create unlogged table "demo_smartdesk_target"."project" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_project" where "_place" = 1 and not "_skipped"
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
  , ('employees')::text as "privacy_visibility"
  , (null)::text as "company_id"
from "brought" as b;

drop table if exists "demo_smartdesk_target"."task_stage";

create unlogged table "demo_smartdesk_target"."task_stage" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_task_stage" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."board"
    , s."stage"
    , s."sequence"
    , s."finished"
    , coalesce("project_1"."xid") as "project__xid"
    , coalesce(s."project__1") as "project__asked"
  from "survivor" as s
  left join "demo_smartdesk_target"."lookup" as "project_1"
    on "project_1"."entity" = 'project' and "project_1"."key" = s."project__1"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."project__xid" as "project"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by (b."sequence"), b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."board" is null then 'board is missing' end, case when b."stage" is null then 'stage is missing' end), '') as "_held"
  , case when b."project__xid" is null then b."project__asked" end as "_unfound_project"
  , (b."stage")::text as "name"
  , ((COALESCE(b."sequence", 50)))::bigint as "sequence"
  , ((COALESCE(b."finished", FALSE)))::boolean as "fold"
  , ((CASE WHEN b."project" IS NOT NULL THEN ARRAY[b."project"] END))::text[] as "project_ids"
  , (null)::text as "user_id"
from "brought" as b;

drop table if exists "demo_smartdesk_target"."task";

create unlogged table "demo_smartdesk_target"."task" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_task" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."state"
    , s."status"
    , s."priority"
    , s."day"
    , s."start"
    , s."end"
    , s."closed"
    , s."notes"
    , s."items"
    , s."total"
    , coalesce("project_1"."xid") as "project__xid"
    , coalesce(s."project__1") as "project__asked"
    , coalesce("stage_1"."xid") as "stage__xid"
    , coalesce(s."stage__1") as "stage__asked"
    , coalesce("lead_1"."xid") as "lead__xid"
    , coalesce(s."lead__1") as "lead__asked"
    , coalesce("contact_1"."xid") as "contact__xid"
    , coalesce(s."contact__1") as "contact__asked"
    , coalesce("company_1"."xid") as "company__xid"
    , coalesce(s."company__1") as "company__asked"
    , coalesce("assignee_1"."xid", "assignee_2"."xid", "assignee_3"."xid") as "assignee__xid"
    , coalesce(s."assignee__1", s."assignee__2", s."assignee__3") as "assignee__asked"
    , case coalesce("lead_1"."entity") when 'opportunity' then 'crm.lead' when 'lead' then 'crm.lead' end as "lead_model"
  from "survivor" as s
  left join "demo_smartdesk_target"."lookup" as "project_1"
    on "project_1"."entity" = 'project' and "project_1"."key" = s."project__1"
  left join "demo_smartdesk_target"."lookup" as "stage_1"
    on "stage_1"."entity" = 'task_stage' and "stage_1"."key" = s."stage__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead')
    order by a."key", array_position(array['opportunity', 'lead'], a."entity")
  ) as "lead_1"
    on "lead_1"."key" = s."lead__1"
  left join "demo_smartdesk_target"."lookup" as "contact_1"
    on "contact_1"."entity" = 'contact' and "contact_1"."key" = s."contact__1"
  left join "demo_smartdesk_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_smartdesk_target"."lookup" as "assignee_1"
    on "assignee_1"."entity" = 'user' and "assignee_1"."key" = s."assignee__1"
  left join "demo_smartdesk_target"."lookup" as "assignee_2"
    on "assignee_2"."entity" = 'user' and "assignee_2"."key" = s."assignee__2"
  left join "demo_smartdesk_target"."lookup" as "assignee_3"
    on "assignee_3"."entity" = 'user' and "assignee_3"."key" = s."assignee__3"
), "brought" as (
  select
    l.*
    -- a record that is not made cannot be referred to
    , l."project__xid" as "project"
    -- a record that is not made cannot be referred to
    , l."stage__xid" as "stage"
    -- a record that is not made cannot be referred to
    , l."lead__xid" as "lead"
    -- a record that is not made cannot be referred to
    , l."contact__xid" as "contact"
    -- a record that is not made cannot be referred to
    , l."company__xid" as "company"
    -- a record that is not made cannot be referred to
    , l."assignee__xid" as "assignee"
  from "linked" as l
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , case when b."project__xid" is null then b."project__asked" end as "_unfound_project"
  , case when b."stage__xid" is null then b."stage__asked" end as "_unfound_stage"
  , case when b."lead__xid" is null then b."lead__asked" end as "_unfound_lead"
  , case when b."contact__xid" is null then b."contact__asked" end as "_unfound_contact"
  , case when b."company__xid" is null then b."company__asked" end as "_unfound_company"
  , case when b."assignee__xid" is null then b."assignee__asked" end as "_unfound_assignee"
  , (b."name")::text as "name"
  , (b."project")::text as "project_id"
  , (b."stage")::text as "stage_id"
  , ((CASE b."state" WHEN 'done' THEN '1_done' WHEN 'cancelled' THEN '1_canceled' ELSE '01_in_progress' END))::text as "state"
  , ((CASE WHEN b."assignee" IS NOT NULL THEN ARRAY[b."assignee"] END))::text[] as "user_ids"
  , ((COALESCE(b."contact", b."company")))::text as "partner_id"
  , ((COALESCE(b."end", b."start", TIMEZONE('UTC', TIMEZONE('UTC', CAST((b."day") AS TIMESTAMP))))))::timestamp as "date_deadline"
  , ((CASE WHEN b."end" > b."start" THEN ROUND(CAST((EXTRACT(EPOCH FROM b."end") - EXTRACT(EPOCH FROM b."start")) AS DECIMAL) / 3600, 2) END))::numeric as "allocated_hours"
  , ((CASE WHEN b."priority" = 'high' THEN '1' ELSE '0' END))::text as "priority"
  , ((NULLIF(CONCAT_WS('', b."notes", b."items"), '')))::text as "description"
  , ((CASE WHEN b."state" IN ('done', 'cancelled') THEN COALESCE(b."closed", b."end", TIMEZONE('UTC', TIMEZONE('UTC', CAST((b."day") AS TIMESTAMP)))) END))::timestamp as "date_end"
  , (b."lead")::text as "x_crm_lead_id"
  , (b."day")::date as "x_scheduled_day"
  , (b."start")::timestamp as "x_scheduled_start"
  , ((b."end"))::timestamp as "x_scheduled_end"
  , (b."status")::text as "x_source_status"
  , (b."total")::numeric as "x_source_amount"
from "brought" as b;

drop table if exists "demo_smartdesk_target"."ticket_lead";

create unlogged table "demo_smartdesk_target"."ticket_lead" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_ticket_lead" where "_place" = 1 and not "_skipped"
)
, "many_tags" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."tags__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_smartdesk_target"."lookup" as a
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
    , s."number"
    , s."status"
    , coalesce("contact_1"."xid", "contact_2"."xid") as "contact__xid"
    , coalesce(s."contact__1", s."contact__2") as "contact__asked"
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
    , coalesce("owner_1"."xid", "owner_2"."xid", "owner_3"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2", s."owner__3") as "owner__asked"
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
  left join "demo_smartdesk_target"."lookup" as "contact_1"
    on "contact_1"."entity" = 'contact' and "contact_1"."key" = s."contact__1"
  left join "demo_smartdesk_target"."lookup" as "contact_2"
    on "contact_2"."entity" = 'contact' and "contact_2"."key" = s."contact__2"
  left join "demo_smartdesk_target"."lookup" as "company_1"
    on "company_1"."entity" = 'company' and "company_1"."key" = s."company__1"
  left join "demo_smartdesk_target"."lookup" as "state_1"
    on "state_1"."entity" = 'state' and "state_1"."key" = s."state__1"
  left join "demo_smartdesk_target"."lookup" as "country_1"
    on "country_1"."entity" = 'country' and "country_1"."key" = s."country__1"
  left join "demo_smartdesk_target"."lookup" as "team_1"
    on "team_1"."entity" = 'team' and "team_1"."key" = s."team__1"
  left join "demo_smartdesk_target"."lookup" as "stage_1"
    on "stage_1"."entity" = 'stage' and "stage_1"."key" = s."stage__1"
  left join "demo_smartdesk_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_smartdesk_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_smartdesk_target"."lookup" as "owner_3"
    on "owner_3"."entity" = 'user' and "owner_3"."key" = s."owner__3"
  left join "demo_smartdesk_target"."lookup" as "source_1"
    on "source_1"."entity" = 'source' and "source_1"."key" = s."source__1"
  left join "demo_smartdesk_target"."lookup" as "medium_1"
    on "medium_1"."entity" = 'medium' and "medium_1"."key" = s."medium__1"
  left join "demo_smartdesk_target"."lookup" as "campaign_1"
    on "campaign_1"."entity" = 'campaign' and "campaign_1"."key" = s."campaign__1"
  left join "demo_smartdesk_target"."lookup" as "lost_reason_1"
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
  left join "demo_smartdesk_target"."identity_stage" as "of_stage"
    on "of_stage"."_xid" = l."stage__xid" and "of_stage"."_place" = 1
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end, case when b."number" is null then 'number is missing' end, case when (b."amount" <> 0 AND b."currency" IS NOT NULL AND CAST((CASE b."currency" WHEN 'GBP' THEN 1.27 END) AS DECIMAL) IS NULL) then ('its amount is in ' || b."currency" || ', and the project declares no rate for it (rates: {' || b."currency" || ': …})') end), '') as "_held"
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
  , (('[#' || b."number" || '] ' || b."name"))::text as "name"
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
  , ((COALESCE(CASE WHEN b."currency" IS NULL THEN b."amount" ELSE ROUND(b."amount" * CAST((CASE b."currency" WHEN 'GBP' THEN 1.27 END) AS DECIMAL), 2) END, 0)))::numeric as "expected_revenue"
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
  , (b."number")::text as "x_ticket_number"
  , (b."status")::text as "x_ticket_status"
from "brought" as b;

drop table if exists "demo_smartdesk_target"."attachment";

create unlogged table "demo_smartdesk_target"."attachment" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_attachment" where "_place" = 1 and not "_skipped"
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
    , coalesce("record_1"."xid", "record_2"."xid", "record_3"."xid", "record_4"."xid", "record_5"."xid", "record_6"."xid", "record_7"."xid", "record_8"."xid", "record_9"."xid", "record_10"."xid", "record_11"."xid", "record_12"."xid", "record_13"."xid", "record_14"."xid", "record_15"."xid", "record_16"."xid") as "record__xid"
    , coalesce(s."record__1", s."record__2", s."record__3", s."record__4", s."record__5", s."record__6", s."record__7", s."record__8", s."record__9", s."record__10", s."record__11", s."record__12", s."record__13", s."record__14", s."record__15", s."record__16") as "record__asked"
    , case coalesce("record_1"."entity", "record_2"."entity", "record_3"."entity", "record_4"."entity", "record_5"."entity", "record_6"."entity", "record_7"."entity", "record_8"."entity", "record_9"."entity", "record_10"."entity", "record_11"."entity", "record_12"."entity", "record_13"."entity", "record_14"."entity", "record_15"."entity", "record_16"."entity") when 'opportunity' then 'crm.lead' when 'lead' then 'crm.lead' when 'ticket_lead' then 'crm.lead' when 'article_lead' then 'crm.lead' when 'task' then 'project.task' when 'contact' then 'res.partner' when 'company' then 'res.partner' end as "record_model"
  from "survivor" as s
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_1"
    on "record_1"."key" = s."record__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_2"
    on "record_2"."key" = s."record__2"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_3"
    on "record_3"."key" = s."record__3"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_4"
    on "record_4"."key" = s."record__4"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_5"
    on "record_5"."key" = s."record__5"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_6"
    on "record_6"."key" = s."record__6"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_7"
    on "record_7"."key" = s."record__7"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_8"
    on "record_8"."key" = s."record__8"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_9"
    on "record_9"."key" = s."record__9"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_10"
    on "record_10"."key" = s."record__10"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_11"
    on "record_11"."key" = s."record__11"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_12"
    on "record_12"."key" = s."record__12"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_13"
    on "record_13"."key" = s."record__13"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_14"
    on "record_14"."key" = s."record__14"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_15"
    on "record_15"."key" = s."record__15"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_16"
    on "record_16"."key" = s."record__16"
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

drop table if exists "demo_smartdesk_target"."tracking";

create unlogged table "demo_smartdesk_target"."tracking" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_tracking" where "_place" = 1 and not "_skipped"
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
  left join "demo_smartdesk_target"."lookup" as "message_1"
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

create index on "demo_smartdesk_target"."tracking" ("_part_of");

analyze "demo_smartdesk_target"."tracking";

-- A line has no fate of its own: its source row ends as the record does that it is a line of.
update "demo_smartdesk_target"."member" as m set "entity" = 'message', "xid" = l."_part_of"
from "demo_smartdesk_target"."tracking" as l
where m."entity" = 'tracking' and m."xid" = l."_xid" and l."_part_of" is not null;

drop table if exists "demo_smartdesk_target"."message";

create unlogged table "demo_smartdesk_target"."message" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_message" where "_place" = 1 and not "_skipped"
)
, "many_attachments" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."attachments__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_smartdesk_target"."lookup" as a
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
    , coalesce("record_1"."xid", "record_2"."xid", "record_3"."xid", "record_4"."xid") as "record__xid"
    , coalesce(s."record__1", s."record__2", s."record__3", s."record__4") as "record__asked"
    , coalesce("author_1"."xid", "author_2"."xid", "author_3"."xid") as "author__xid"
    , coalesce(s."author__1", s."author__2", s."author__3") as "author__asked"
    , case coalesce("record_1"."entity", "record_2"."entity", "record_3"."entity", "record_4"."entity") when 'opportunity' then 'crm.lead' when 'lead' then 'crm.lead' when 'ticket_lead' then 'crm.lead' when 'article_lead' then 'crm.lead' when 'task' then 'project.task' when 'contact' then 'res.partner' when 'company' then 'res.partner' end as "record_model"
    , case coalesce("author_1"."entity", "author_2"."entity", "author_3"."entity") when 'user' then 'res.users' when 'contact' then 'res.partner' end as "author_model"
    , "many_attachments"."xids" as "attachments"
  from "survivor" as s
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_1"
    on "record_1"."key" = s."record__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_2"
    on "record_2"."key" = s."record__2"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_3"
    on "record_3"."key" = s."record__3"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'article_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_4"
    on "record_4"."key" = s."record__4"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('user', 'contact')
    order by a."key", array_position(array['user', 'contact'], a."entity")
  ) as "author_1"
    on "author_1"."key" = s."author__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('user', 'contact')
    order by a."key", array_position(array['user', 'contact'], a."entity")
  ) as "author_2"
    on "author_2"."key" = s."author__2"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('user', 'contact')
    order by a."key", array_position(array['user', 'contact'], a."entity")
  ) as "author_3"
    on "author_3"."key" = s."author__3"
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
  , ((COALESCE(b."from_email", CASE WHEN b."author" IS NULL THEN 'SmartDesk' END)))::text as "email_from"
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

drop table if exists "demo_smartdesk_target"."activity";

create unlogged table "demo_smartdesk_target"."activity" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_activity" where "_place" = 1 and not "_skipped"
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
    , coalesce("record_1"."xid", "record_2"."xid", "record_3"."xid") as "record__xid"
    , coalesce(s."record__1", s."record__2", s."record__3") as "record__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid", "owner_3"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2", s."owner__3") as "owner__asked"
    , case coalesce("record_1"."entity", "record_2"."entity", "record_3"."entity") when 'opportunity' then 'crm.lead' when 'lead' then 'crm.lead' when 'ticket_lead' then 'crm.lead' when 'task' then 'project.task' when 'contact' then 'res.partner' when 'company' then 'res.partner' end as "record_model"
  from "survivor" as s
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_1"
    on "record_1"."key" = s."record__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_2"
    on "record_2"."key" = s."record__2"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'task', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'task', 'contact', 'company'], a."entity")
  ) as "record_3"
    on "record_3"."key" = s."record__3"
  left join "demo_smartdesk_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_smartdesk_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_smartdesk_target"."lookup" as "owner_3"
    on "owner_3"."entity" = 'user' and "owner_3"."key" = s."owner__3"
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

drop table if exists "demo_smartdesk_target"."event";

create unlogged table "demo_smartdesk_target"."event" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_event" where "_place" = 1 and not "_skipped"
)
, "many_attendees" as (
  select s."_xid", array_agg(distinct l."xid" order by l."xid") as "xids"
  from "survivor" as s
  cross join lateral unnest(s."attendees__1") as k("key")
  join (
    select distinct on (a."key") a."key", a."xid" from "demo_smartdesk_target"."lookup" as a
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
    , coalesce("record_1"."xid", "record_2"."xid", "record_3"."xid") as "record__xid"
    , coalesce(s."record__1", s."record__2", s."record__3") as "record__asked"
    , coalesce("owner_1"."xid", "owner_2"."xid", "owner_3"."xid") as "owner__xid"
    , coalesce(s."owner__1", s."owner__2", s."owner__3") as "owner__asked"
    , case coalesce("record_1"."entity", "record_2"."entity", "record_3"."entity") when 'opportunity' then 'crm.lead' when 'lead' then 'crm.lead' when 'ticket_lead' then 'crm.lead' when 'contact' then 'res.partner' when 'company' then 'res.partner' end as "record_model"
    , "many_attendees"."xids" as "attendees"
  from "survivor" as s
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'contact', 'company'], a."entity")
  ) as "record_1"
    on "record_1"."key" = s."record__1"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'contact', 'company'], a."entity")
  ) as "record_2"
    on "record_2"."key" = s."record__2"
  left join (
    -- one key may stand for records of several entities: the first of the list wins
    select distinct on (a."key") a."key", a."xid", a."entity" from "demo_smartdesk_target"."lookup" as a
    where a."entity" in ('opportunity', 'lead', 'ticket_lead', 'contact', 'company')
    order by a."key", array_position(array['opportunity', 'lead', 'ticket_lead', 'contact', 'company'], a."entity")
  ) as "record_3"
    on "record_3"."key" = s."record__3"
  left join "demo_smartdesk_target"."lookup" as "owner_1"
    on "owner_1"."entity" = 'user' and "owner_1"."key" = s."owner__1"
  left join "demo_smartdesk_target"."lookup" as "owner_2"
    on "owner_2"."entity" = 'user' and "owner_2"."key" = s."owner__2"
  left join "demo_smartdesk_target"."lookup" as "owner_3"
    on "owner_3"."entity" = 'user' and "owner_3"."key" = s."owner__3"
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

drop table if exists "demo_smartdesk_target"."mail_template";

create unlogged table "demo_smartdesk_target"."mail_template" as
with "survivor" as (
  select * from "demo_smartdesk_target"."identity_mail_template" where "_place" = 1 and not "_skipped"
)
, "linked" as (
  select
    s."_xid", s."_object", s."_key", s."_feed", s."_file", s."_rec", s."_each"
    , s."name"
    , s."subject"
    , s."body"
    , s."about_model"
    , s."active"
    , s."x_folder"
  from "survivor" as s
), "brought" as (
  select
    l.*
  from "linked" as l
)
, "computed" as (
  select
    b.*
    , (CONCAT_WS(' ', b."subject", b."body")) as "all_text"
    , (REPLACE(REPLACE(REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(b."subject", '[{][{]\s*([^{}\s]([^{}]*[^{}\s])?)\s*[}][}]', '[\1]', 'g'), '[{]%\s*([^{}%\s]([^{}%]*[^{}%\s])?)\s*%[}]', '[\1]', 'g'), '[$][{]\s*([^{}\s]([^{}]*[^{}\s])?)\s*[}]', '[\1]', 'g'), '{{', '[['), '}}', ']]'), '<%', '&lt;%')) as "plain_subject"
    , (REPLACE(REPLACE(REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(b."body", '[{][{]\s*([^{}\s]([^{}]*[^{}\s])?)\s*[}][}]', '[\1]', 'g'), '[{]%\s*([^{}%\s]([^{}%]*[^{}%\s])?)\s*%[}]', '[\1]', 'g'), '[$][{]\s*([^{}\s]([^{}]*[^{}\s])?)\s*[}]', '[\1]', 'g'), '{{', '[['), '}}', ']]'), '<%', '&lt;%')) as "plain_body"
  from "brought" as b
)
select
  b."_xid", b."_object", b."_key",
  row_number() over (order by b."_feed", b."_file", b."_rec", b."_each") as "_seq",
  nullif(concat_ws('; ', case when b."name" is null then 'name is missing' end), '') as "_held"
  , (b."name")::text as "name"
  , ((COALESCE(b."about_model", 'base.model_res_partner')))::text as "model_id"
  , ((b."plain_subject"))::text as "subject"
  , ((REGEXP_REPLACE(REGEXP_REPLACE(b."plain_body", '<(/?)t(?=[\s/>])', '&lt;\1t', 'gi'), '(\s)t-([a-z-]+\s*=)', '\1data-t-\2', 'gi')))::text as "body_html"
  , (TRUE)::boolean as "use_default_to"
  , (FALSE)::boolean as "auto_delete"
  , ((COALESCE(b."active", TRUE)))::boolean as "active"
  , ((b."all_text" ~ '([{]{2}|[$][{])'))::boolean as "x_placeholders"
  , ((b."all_text" ~* '([{]%|<%|<t[\s/>]|\st-[a-z-]+\s*=)'))::boolean as "x_needs_review"
  , b."x_folder" as "x_folder"
from "computed" as b;
